"""The counts in a local SQLite file, which any number of bridges on one machine may share."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from bridge.models import ConversationId, UserId
from bridge.usage import Batch, RequestsCounted, RowWritten, UsageUnavailable, WritesCounted

COUNTED_ONCE_WITHIN: Final = timedelta(minutes=10)
"""Longer than a row is heard of: by echo, by catch-up after a gap or a restart."""

_VERSION: Final = 1
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
    primary key (table_name, row)
) without rowid;
create index counted_at on counted (at);
pragma user_version = 1;
commit;
"""
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
    """The counts in one file."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._turn = threading.Lock()

    @classmethod
    def open(cls, path: str | Path) -> SqliteUsage:
        """Open the file, and make it if it is not there.

        Raises:
            UsageUnavailable: it cannot be written, or is something else.

        """
        with _failing_plainly():
            Path(path).touch(mode=0o600)  # it says who uses the chat when; SQLite's other files get the same mode
            connection = _connection(f"{Path(path).absolute().as_uri()}?mode=rw")
            try:
                if _version(connection) == 0:
                    connection.execute("pragma journal_mode = wal")
                    _make(connection)
                _check_version(connection)
            except BaseException:
                connection.close()
                raise
        return cls(connection)

    @classmethod
    def open_to_read(cls, path: str | Path) -> SqliteUsage:
        """Open a file that is there, beside the bridge that writes it.

        Raises:
            UsageUnavailable: it is not there, or is something else.

        """
        with _failing_plainly():
            connection = _connection(f"{Path(path).absolute().as_uri()}?mode=ro")
            try:
                _check_version(connection)
            except BaseException:
                connection.close()
                raise
        return cls(connection)

    def add(self, batch: Batch, now: datetime) -> None:
        """See the port."""
        with self._turn, _failing_plainly(), _transaction(self._connection) as connection:
            connection.executemany(_ADD_REQUESTS, [_request_row(one) for one in batch.requests])
            connection.execute("delete from counted where at < ?", [(now - COUNTED_ONCE_WITHIN).timestamp()])
            for row in batch.rows:
                _add_row(connection, row, now)

    def requests(self, since: date, limit: int) -> Sequence[RequestsCounted]:
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
            for day, endpoint, client, version, user_id, count, last_seen in self._rows(_REQUESTS, since, limit)
        ]

    def writes(self, since: date, limit: int) -> Sequence[WritesCounted]:
        """See the port."""
        return [
            WritesCounted(
                day=date.fromisoformat(str(day)),
                table=str(table),
                conversation_id=ConversationId(str(conversation_id)),
                by_bridge=int(str(by_bridge)),
                by_legacy=int(str(by_legacy)),
            )
            for day, table, conversation_id, by_bridge, by_legacy in self._rows(_WRITES, since, limit)
        ]

    def forget(self, before: date) -> None:
        """See the port."""
        with self._turn, _failing_plainly(), _transaction(self._connection) as connection:
            connection.execute("delete from requests where day < ?", [before.isoformat()])
            connection.execute("delete from writes where day < ?", [before.isoformat()])

    def close(self) -> None:
        """See the port."""
        with self._turn:
            self._connection.close()

    def _rows(self, query: str, since: date, limit: int) -> list[tuple[object, ...]]:
        with (
            self._turn,
            _failing_plainly(),
            closing(self._connection.execute(query, [since.isoformat(), limit])) as rows,
        ):
            return rows.fetchall()


def _connection(address: str) -> sqlite3.Connection:
    # Threads take turns by the lock of SqliteUsage.
    return sqlite3.connect(address, uri=True, timeout=_BUSY_SECONDS, check_same_thread=False, isolation_level=None)


def _make(connection: sqlite3.Connection) -> None:
    try:
        connection.executescript(_TABLES)
    except sqlite3.OperationalError:
        connection.rollback()
        if _version(connection) == 0:  # else another bridge has made them at the same moment
            raise


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("pragma user_version").fetchone()
    return int(version)


def _check_version(connection: sqlite3.Connection) -> None:
    if _version(connection) != _VERSION:
        raise UsageUnavailable("it is of another version of the bridge, or of something else")
    connection.execute("select 1 from requests, writes, counted limit 1").fetchall()


def _request_row(one: RequestsCounted) -> tuple[object, ...]:
    last_seen = one.last_seen.astimezone(UTC).isoformat(timespec="seconds")
    return one.day.isoformat(), one.endpoint, one.client, one.version, one.user_id, one.count, last_seen


def _add_row(connection: sqlite3.Connection, row: RowWritten, now: datetime) -> None:
    known = connection.execute("insert or ignore into counted values (?, ?, ?)", [row.table, row.row, now.timestamp()])
    if known.rowcount:
        counts = [int(row.by_bridge), int(not row.by_bridge)]
        connection.execute(_ADD_WRITE, [row.day.isoformat(), row.table, row.conversation_id, *counts])


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
