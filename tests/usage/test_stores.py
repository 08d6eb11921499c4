"""The file keeps the promises of a keeper of counts, and outlasts restarts; so does what stands in for it in tests."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bridge.clock import FakeClock
from bridge.store.memory.usage import MemoryUsage
from bridge.usage import Batch, UsageStore, UsageUnavailable
from bridge.usage.sqlite import SqliteUsage
from tests.contract.usage import ALWAYS, NOON, Ledger, UsageContract, requests, row, writes

VERSION_1 = """
create table requests (
    day text not null, endpoint text not null, client text not null, version text not null, user_id text not null,
    count integer not null, last_seen text not null,
    primary key (day, endpoint, client, version, user_id)
) without rowid;
create table writes (
    day text not null, table_name text not null, conversation_id text not null,
    by_bridge integer not null, by_legacy integer not null,
    primary key (day, table_name, conversation_id)
) without rowid;
create table counted (
    table_name text not null, row text not null, at real not null,
    primary key (table_name, row)
) without rowid;
create index counted_at on counted (at);
insert into requests values ('2026-12-01', 'list_groups', 'Chrome', '120', '{user}', 7, '2026-12-01T12:00:00+00:00');
insert into writes values ('2026-12-01', 'messages', '{room}', 0, 1);
insert into counted values ('messages', '1', {at});
pragma user_version = 1;
"""
"""A file as the first version of the bridge has made it."""


class MemoryLedger:
    """Counts in memory."""

    def __init__(self) -> None:
        self._clock = FakeClock(NOON)
        self._kept = MemoryUsage(self._clock)

    async def open(self) -> UsageStore:
        """Return the same each time."""
        return self._kept

    async def later(self, time: timedelta) -> None:
        """Move the clock."""
        self._clock.advance(time.total_seconds())


class TestMemory(UsageContract):
    """The one of the tests."""

    @pytest.fixture
    def ledger(self) -> Ledger:
        """Return new counts."""
        return MemoryLedger()


class FileLedger:
    """Counts in a file."""

    def __init__(self, file: Path) -> None:
        self._clock = FakeClock(NOON)
        self._file = file
        self._opened: list[SqliteUsage] = []

    async def open(self) -> SqliteUsage:
        """Open the same file each time."""
        self._opened.append(SqliteUsage.open(self._file, self._clock))
        return self._opened[-1]

    async def later(self, time: timedelta) -> None:
        """Move the clock."""
        self._clock.advance(time.total_seconds())

    async def close(self) -> None:
        """Let go of everything."""
        for one in self._opened:
            await one.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name a file that is not there."""
    return tmp_path / "usage #1.sqlite"


@pytest.fixture
async def file_ledger(file: Path) -> AsyncIterator[FileLedger]:
    """Keep counts in a new file."""
    made = FileLedger(file)
    yield made
    await made.close()


class TestSqlite(UsageContract):
    """The real one."""

    @pytest.fixture
    def ledger(self, file_ledger: FileLedger) -> Ledger:
        """Return counts in a file."""
        return file_ledger


async def test_the_counts_outlast_a_restart(file: Path) -> None:
    """Those of rows too: what catch-up finds again after a restart is not counted again."""
    for _ in range(2):
        usage = SqliteUsage.open(file)
        await usage.add(Batch(requests=[requests()], rows=[row("1")]))
        await usage.close()
    read = SqliteUsage.open_to_read(file)
    assert (await read.requests(ALWAYS, 9), await read.writes(ALWAYS, 9)) == ([requests(2)], [writes(0, 1)])
    await read.close()


async def test_a_batch_that_fails_leaves_nothing(file_ledger: FileLedger, file: Path) -> None:
    """So that it can be added again, the very same."""
    usage, batch = await file_ledger.open(), Batch(requests=[requests()], rows=[row("1")])
    with sqlite3.connect(file) as other:
        other.execute("create trigger no before insert on writes begin select raise(abort, 'the disk is full'); end")
    with pytest.raises(UsageUnavailable, match=r"^the disk is full$"):
        await usage.add(batch)
    with sqlite3.connect(file) as other:
        other.execute("drop trigger no")
    other.close()
    assert await usage.requests(ALWAYS, 9) == []
    await usage.add(batch)
    assert (await usage.requests(ALWAYS, 9), await usage.writes(ALWAYS, 9)) == ([requests()], [writes(0, 1)])


async def test_a_file_of_the_first_version_goes_on(file: Path) -> None:
    """It is read as it is; a bridge that writes it adds what it lacks, once."""
    counted = requests(7)
    other = sqlite3.connect(file)
    at = FakeClock().now().timestamp()
    other.executescript(VERSION_1.format(user=counted.user_id, room=writes(0, 1).conversation_id, at=at))
    other.close()
    for open_it in (SqliteUsage.open_to_read, SqliteUsage.open, SqliteUsage.open):
        usage = open_it(file)
        assert (await usage.requests(ALWAYS, 9), await usage.writes(ALWAYS, 9)) == ([counted], [writes(0, 1)])
        await usage.close()
    usage = SqliteUsage.open(file, FakeClock())
    await usage.add(Batch(rows=[row("1", by_bridge=True), row("2")]))
    await usage.add(Batch(rows=[row("2", by_bridge=True)]))
    assert await usage.writes(ALWAYS, 9) == [writes(1, 1)]
    await usage.close()


@pytest.mark.parametrize(
    "content", [b"no database at all", b"SQLite format 3\x00" + b"x" * 500], ids=["text", "broken"]
)
def test_a_file_of_something_else_is_refused(file: Path, content: bytes) -> None:
    """And left as it is."""
    file.write_bytes(content)
    for open_it in (SqliteUsage.open, SqliteUsage.open_to_read):
        with pytest.raises(UsageUnavailable):
            open_it(file)
    assert file.read_bytes() == content


@pytest.mark.parametrize("version", [0, 1, 2, 3])
def test_a_database_of_something_else_is_refused(file: Path, version: int) -> None:
    """Also where it has our version by chance."""
    other = sqlite3.connect(file)
    other.execute("create table requests (something text)")
    other.execute(f"pragma user_version = {version}")
    other.commit()
    other.close()
    for open_it in (SqliteUsage.open, SqliteUsage.open_to_read):
        with pytest.raises(UsageUnavailable):
            open_it(file)


def test_reading_makes_no_file(file: Path) -> None:
    """A wrong name is an error and not an empty ledger."""
    with pytest.raises(UsageUnavailable):
        SqliteUsage.open_to_read(file)
    assert not file.exists()


def test_a_place_that_is_not_there_is_said(tmp_path: Path) -> None:
    """At the start."""
    with pytest.raises(UsageUnavailable, match=r"^No such file or directory$"):
        SqliteUsage.open(tmp_path / "nowhere" / "usage.sqlite")


async def test_nobody_else_may_read_the_file(file_ledger: FileLedger, file: Path) -> None:
    """It says who uses the chat when."""
    await (await file_ledger.open()).add(Batch(requests=[requests()]))
    for one in file.parent.iterdir():
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
