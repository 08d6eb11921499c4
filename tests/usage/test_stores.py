"""Both keepers of counts keep the promises, and the file keeps them across restarts."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.usage import Batch, UsageStore, UsageUnavailable
from bridge.usage.memory import MemoryUsage
from bridge.usage.sqlite import SqliteUsage
from tests.contract.usage import ALWAYS, NOON, OpenUsage, UsageContract, requests, row, writes


class TestMemory(UsageContract):
    """The one of the tests."""

    @pytest.fixture
    def open_usage(self) -> OpenUsage:
        """Open new counts."""
        return MemoryUsage


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name a file that is not there."""
    return tmp_path / "usage #1.sqlite"


@pytest.fixture
def open_file(file: Path) -> Iterator[OpenUsage]:
    """Open the same file each time."""
    opened: list[SqliteUsage] = []

    def open_usage() -> UsageStore:
        opened.append(SqliteUsage.open(file))
        return opened[-1]

    yield open_usage
    for one in opened:
        one.close()


class TestSqlite(UsageContract):
    """The real one."""

    @pytest.fixture
    def open_usage(self, open_file: OpenUsage) -> OpenUsage:
        """Open the file."""
        return open_file


def test_the_counts_outlast_a_restart(file: Path) -> None:
    """Those of rows too: what catch-up finds again after a restart is not counted again."""
    for _ in range(2):
        usage = SqliteUsage.open(file)
        usage.add(Batch(requests=[requests()], rows=[row("1")]), NOON)
        usage.close()
    read = SqliteUsage.open_to_read(file)
    assert (read.requests(ALWAYS, 9), read.writes(ALWAYS, 9)) == ([requests(2)], [writes(0, 1)])
    read.close()


def test_bridges_share_a_file(open_file: OpenUsage) -> None:
    """What both hear of is counted once; what each answers is added up."""
    one, other = open_file(), open_file()
    for usage in (one, other):
        usage.add(Batch(requests=[requests()], rows=[row("1")]), NOON)
    assert (one.requests(ALWAYS, 9), other.writes(ALWAYS, 9)) == ([requests(2)], [writes(0, 1)])


def test_threads_take_turns(open_file: OpenUsage) -> None:
    """Nothing is lost between them."""
    usages = [open_file(), open_file()]

    def add(number: int) -> None:
        for count in range(10):
            usages[number % 2].add(Batch(requests=[requests()], rows=[row(f"{number}/{count}")]), NOON)

    threads = [threading.Thread(target=add, args=[number]) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (usages[0].requests(ALWAYS, 9), usages[0].writes(ALWAYS, 9)) == ([requests(60)], [writes(0, 60)])


def test_a_batch_that_fails_leaves_nothing(open_file: OpenUsage, file: Path) -> None:
    """So that it can be added again."""
    usage = open_file()
    with sqlite3.connect(file) as other:
        other.execute("create trigger no before insert on writes begin select raise(abort, 'the disk is full'); end")
    with pytest.raises(UsageUnavailable, match=r"^the disk is full$"):
        usage.add(Batch(requests=[requests()], rows=[row("1")]), NOON)
    with sqlite3.connect(file) as other:
        other.execute("drop trigger no")
    other.close()
    assert usage.requests(ALWAYS, 9) == []
    usage.add(Batch(requests=[requests()], rows=[row("1")]), NOON)
    assert (usage.requests(ALWAYS, 9), usage.writes(ALWAYS, 9)) == ([requests()], [writes(0, 1)])


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


@pytest.mark.parametrize("version", [0, 1, 2])
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


def test_nobody_else_may_read_the_file(open_file: OpenUsage, file: Path) -> None:
    """It says who uses the chat when."""
    open_file().add(Batch(requests=[requests()]), NOON)
    for one in file.parent.iterdir():
        assert stat.S_IMODE(one.stat().st_mode) == 0o600
