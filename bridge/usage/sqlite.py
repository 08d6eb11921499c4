"""The counts in a local SQLite file, which any number of bridges on one machine may share."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from bridge.clock import Clock, SystemClock
from bridge.models import ConversationId, UserId
from bridge.usage import (
    BATCHES_KNOWN_FOR,
    COUNTED_ONCE_WITHIN,
    Batch,
    RequestsCounted,
    RowWritten,
    UsageUnavailable,
    WritesCounted,
)

_VERSION: Final = 2
_READABLE: Final = frozenset({1, _VERSION})
"""Version 1 has the same counts; what it lacks is for adding."""
_BUSY_SECONDS: Final = 5.0
_TABLES: Final = """
begin;
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
    by_bridge integer not null, day text not null, conversation_id text not null,
    primary key (table_name, row)
) without rowid;
create index counted_at on counted (at);
create table batches (id text not null primary key, at real not null) without rowid;
create index batches_at on batches (at);
pragma user_version = 2;
commit;
"""
_FROM_VERSION_1: Final = """
begin;
alter table counted add column by_bridge integer not null default 1;  -- whose they were is not known: they stay so
alter table counted add column day text not null default '';
alter table counted add column conversation_id text not null default '';
create table batches (id text not null primary key, at real not null) without rowid;
create index batches_at on batches (at);
pragma user_version = 2;
commit;
"""
_CORRECT_WRITE: Final = """
update writes set by_bridge = by_bridge + 1, by_legacy = by_legacy - 1
where day = ? and table_name = ? and conversation_id = ?
"""
_KNOWN: Final = "select by_bridge, day, conversation_id from counted where table_name = ? and row = ?"
_ADD_REQUESTS: Final = """
insert into requests values (?, ?, ?, ?, ?, ?, ?)
on conflict do update set count = count + excluded.count, last_seen = max(last_seen, excluded.last_seen)
"""
_ADD_WRITE: Final = """
insert into writes values (?, ?, ?, ?, ?)
on conflict do update set by_bridge = by_bridge + excluded.by_bridge, by_legacy = by_legacy + excluded.by_legacy
"""
_REQUESTS: Final = """
select day, endpoint, client, version, user_id, count, last_seen from requests where day >= ?
order by day desc, count desc, endpoint, client, version, user_id limit ?
"""
_WRITES: Final = """
select day, table_name, conversation_id, by_bridge, by_legacy from writes where day >= ?
order by day desc, by_legacy desc, by_bridge desc, table_name, conversation_id limit ?
"""


class SqliteUsage:
    """The counts in one file. SQLite blocks, so each question is put by a thread."""

    available: Final = True

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._turn = threading.Lock()

    @classmethod
    def open(cls, path: str | Path, clock: Clock | None = None) -> SqliteUsage:
        """Open the file, and make it if it is not there; this and `open_to_read` block.

        Raises:
            UsageUnavailable: it cannot be written, or is something else.

        """
        with _failing_plainly():
            Path(path).touch(mode=0o600)  # it says who uses the chat when; SQLite's other files get the same mode
            connection = _connection(f"{Path(path).absolute().as_uri()}?mode=rw")
            try:
                if _version(connection) == 0:
                    connection.execute("pragma journal_mode = wal")
                    _make(connection, _TABLES, before=0)
                if _version(connection) == 1:
                    _make(connection, _FROM_VERSION_1, before=1)
                _check(connection, frozenset({_VERSION}))
            except BaseException:
                connection.close()
                raise
        return cls(connection, clock or SystemClock())

    @classmethod
    def open_to_read(cls, path: str | Path) -> SqliteUsage:
        """Open a file that is there, beside the bridge that writes it.

        Raises:
            UsageUnavailable: it is not there, or is something else.

        """
        with _failing_plainly():
            connection = _connection(f"{Path(path).absolute().as_uri()}?mode=ro")
            try:
                _check(connection, _READABLE)
            except BaseException:
                connection.close()
                raise
        return cls(connection, SystemClock())

    async def add(self, batch: Batch) -> None:
        """See the port."""
        await asyncio.to_thread(self._add, batch, self._clock.now())

    async def requests(self, since: date, limit: int) -> Sequence[RequestsCounted]:
        """See the port."""
        return [
            RequestsCounted(
                day=date.fromisoformat(str(day)),
                endpoint=str(endpoint),
                client=str(client),
                version=str(version),
                user_id=UserId(str(user_id)),
                count=int(str(count)),
                last_seen=datetime.fromisoformat(str(last_seen)),
            )
            for day, endpoint, client, version, user_id, count, last_seen in await self._rows(_REQUESTS, since, limit)
        ]

    async def writes(self, since: date, limit: int) -> Sequence[WritesCounted]:
        """See the port."""
        return [
            WritesCounted(
                day=date.fromisoformat(str(day)),
                table=str(table),
                conversation_id=ConversationId(str(conversation_id)),
                by_bridge=int(str(by_bridge)),
                by_legacy=int(str(by_legacy)),
            )
            for day, table, conversation_id, by_bridge, by_legacy in await self._rows(_WRITES, since, limit)
        ]

    async def forget(self, before: date) -> None:
        """See the port."""
        await asyncio.to_thread(self._forget, before)

    async def close(self) -> None:
        """See the port."""
        await asyncio.to_thread(self._close)

    async def _rows(self, query: str, since: date, limit: int) -> list[tuple[object, ...]]:
        return await asyncio.to_thread(self._read, query, since, limit)

    def _add(self, batch: Batch, now: datetime) -> None:
        with self._turn, _failing_plainly(), _transaction(self._connection) as connection:
            connection.execute("delete from batches where at < ?", [(now - BATCHES_KNOWN_FOR).timestamp()])
            connection.execute("delete from counted where at < ?", [(now - COUNTED_ONCE_WITHIN).timestamp()])
            if not connection.execute(
                "insert or ignore into batches values (?, ?)", [batch.id, now.timestamp()]
            ).rowcount:
                return
            connection.executemany(_ADD_REQUESTS, [_request_row(one) for one in batch.requests])
            for row in batch.rows:
                _add_row(connection, row, now)

    def _read(self, query: str, since: date, limit: int) -> list[tuple[object, ...]]:
        with (
            self._turn,
            _failing_plainly(),
            closing(self._connection.execute(query, [since.isoformat(), limit])) as rows,
        ):
            return rows.fetchall()

    def _forget(self, before: date) -> None:
        with self._turn, _failing_plainly(), _transaction(self._connection) as connection:
            for table in ("requests", "writes", "counted"):
                connection.execute(f"delete from {table} where day < ?", [before.isoformat()])

    def _close(self) -> None:
        with self._turn:
            self._connection.close()


def _connection(address: str) -> sqlite3.Connection:
    # Threads take turns by the lock of SqliteUsage.
    return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)


def _make(connection: sqlite3.Connection, script: str, *, before: int) -> None:
    try:
        connection.executescript(script)
    except sqlite3.OperationalError:
        connection.rollback()
        if _version(connection) == before:  # else another bridge has done it at the same moment
            raise


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("pragma user_version").fetchone()
    return int(version)


def _check(connection: sqlite3.Connection, versions: frozenset[int]) -> None:
    if _version(connection) not in versions:
        raise UsageUnavailable("it is of another version of the bridge, or of something else")
    connection.execute("select 1 from requests, writes, counted limit 1").fetchall()


def _request_row(one: RequestsCounted) -> tuple[object, ...]:
    last_seen = one.last_seen.astimezone(UTC).isoformat(timespec="seconds")
    return one.day.isoformat(), one.endpoint, one.client, one.version, one.user_id, one.count, last_seen


def _add_row(connection: sqlite3.Connection, row: RowWritten, now: datetime) -> None:
    known = connection.execute(_KNOWN, [row.table, row.row]).fetchone()
    if known is None:
        day, by_bridge = row.day.isoformat(), int(row.by_bridge)
        counted = [row.table, row.row, now.timestamp(), by_bridge, day, row.conversation_id]
        connection.execute("insert into counted values (?, ?, ?, ?, ?, ?)", counted)
        connection.execute(_ADD_WRITE, [day, row.table, row.conversation_id, by_bridge, 1 - by_bridge])
        return
    was_by_bridge, day, conversation_id = known
    if row.by_bridge and not was_by_bridge:
        connection.execute("update counted set by_bridge = 1 where table_name = ? and row = ?", [row.table, row.row])
        connection.execute(_CORRECT_WRITE, [day, row.table, conversation_id])


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    connection.execute("begin immediate")
    try:
        yield connection
    except BaseException:
        connection.rollback()
        raise
    connection.commit()


@contextmanager
def _failing_plainly() -> Iterator[None]:
    """Turn what SQLite and the system raise into the port's error; their texts name no values.

    Raises:
        UsageUnavailable: instead.

    """
    try:
        yield
    except sqlite3.Error as error:
        raise UsageUnavailable(str(error)) from error
    except OSError as error:
        raise UsageUnavailable(error.strerror) from error
