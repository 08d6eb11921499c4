"""Applying changes one row at a time, and taking them back: a file says, before anything is committed, how it was.

A change is made only to a row that still is as it was seen, and taken back only from one that still is as it was made.
So both can be repeated, in any state in which a kill left them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec
import psycopg
from msgspec import Struct
from psycopg import sql
from psycopg.types.json import Jsonb

from migration.database import is_shutdown
from migration.errors import Interrupted, Refused
from migration.repairs.definition import Change, Values

FORMAT: Final = 1

_NOT_NOTED: Final = (
    "The undo file cannot be written ({}), so nothing more was changed; make room, and --resume goes on from there."
)

Statement = tuple[sql.Composed, dict[str, Jsonb]]


class Header(Struct, frozen=True, kw_only=True):
    """The first line of an undo file."""

    undo_format: int = FORMAT
    fingerprint: str


class UndoFile:
    """Appends changes, each on the disk before its transaction is.

    Raises:
        Refused: it cannot be written at all.

    """

    def __init__(self, path: Path, fingerprint: str) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            self._file = os.fdopen(descriptor, "a+b", buffering=0)  # what could not be written is not kept for later
            _cut_off(self._file)
            if self._file.tell() == 0:
                self._put([Header(fingerprint=fingerprint)])
        except OSError as error:
            raise Refused(f"The undo file {path} cannot be written: {error.strerror}.") from None

    def note(self, changes: Iterable[Change]) -> None:
        """Write down how rows were.

        Raises:
            Interrupted: it could not be written, so the change must not be made.

        """
        try:
            self._put(changes)
        except OSError as error:
            raise Interrupted(_NOT_NOTED.format(error.strerror)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _put(self, entries: Iterable[Struct]) -> None:
        left = memoryview(b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries))
        while left:
            left = left[self._file.write(left) :]
        os.fsync(self._file.fileno())


def _cut_off(file: FileIO) -> None:
    """Take away a last line that is not whole: it was never committed, and what follows must not be glued to it."""
    file.seek(0)
    file.truncate(file.read().rfind(b"\n") + 1)
    file.seek(0, os.SEEK_END)


def read_undo(path: Path) -> tuple[Header, list[Change]]:
    """Read an undo file, the last change first; a last line that a crash has cut off was never committed.

    Raises:
        Refused: it is none.

    """
    try:
        first, *lines = path.read_bytes().split(b"\n")
        header = msgspec.json.decode(first, type=Header)
        changes = [msgspec.json.decode(line, type=Change) for line in lines[:-1]]
    except (OSError, msgspec.DecodeError):
        raise Refused(f"{path} is no undo file, or cannot be read.") from None
    if header.undo_format != FORMAT:
        raise Refused(f"{path} was written by another version.")
    return header, changes[::-1]


def make(connection: psycopg.Connection, changes: Iterable[Change]) -> int:
    """Make changes and return how many rows that touched; one that is refused leaves its row as it is."""
    return sum(_attempt(connection, change, _insert if change.before is None else _update) for change in changes)


def take_back(connection: psycopg.Connection, changes: Iterable[Change]) -> int:
    """Take changes back and return how many rows that touched."""
    return sum(_attempt(connection, change, _delete if change.before is None else _restore) for change in changes)


def without_triggers(connection: psycopg.Connection) -> bool:
    """Switch off, for this transaction, the triggers that would set updated_at; tell whether our role may do that.

    Supabase lets its postgres role do it; other roles need `grant set on parameter session_replication_role`.
    """
    try:
        with connection.transaction():
            connection.execute("set local session_replication_role = replica")
    except psycopg.errors.InsufficientPrivilege:  # quiet: that is the answer
        return False
    return True


def in_batches(changes: Sequence[Change], size: int) -> Iterator[Sequence[Change]]:
    """Divide changes into transactions."""
    for start in range(0, len(changes), size):
        yield changes[start : start + size]


def _attempt(connection: psycopg.Connection, change: Change, statement: Callable[[Change], Statement]) -> int:
    question, values = statement(change)
    try:
        with connection.transaction():
            return connection.execute(question, values).rowcount
    except psycopg.Error as error:
        # Somebody else's row stands in the way, or a foreign key; whoever waits too long for a lock comes back later.
        if is_shutdown(error) or not (error.sqlstate or "").startswith(("23", "55P03")):
            raise
        return 0


def _table(change: Change) -> sql.Identifier:
    return sql.Identifier("public", change.table)


def _insert(change: Change) -> Statement:
    row = {**change.key, **change.after}
    columns = sql.SQL(", ").join(map(sql.Identifier, row))
    statement = sql.SQL(
        "insert into {table} ({columns}) select {columns} from jsonb_populate_record(null::{table}, %(new)s)"
        " on conflict do nothing"
    ).format(table=_table(change), columns=columns)
    return statement, {"new": Jsonb(row)}


def _delete(change: Change) -> Statement:
    statement = sql.SQL("delete from {table} t using jsonb_populate_record(null::{table}, %(old)s) w where {same}")
    same = _same(change.key, change.after)
    return statement.format(table=_table(change), same=same), {"old": Jsonb({**change.key, **change.after})}


def _update(change: Change) -> Statement:
    return _set(change, change.before or {}, change.after)


def _restore(change: Change) -> Statement:
    return _set(change, change.after, change.before or {})


def _set(change: Change, old: Values, new: Values) -> Statement:
    assignments = [sql.SQL("{column} = n.{column}").format(column=sql.Identifier(column)) for column in new]
    statement = sql.SQL(
        "update {table} t set {assignments} from jsonb_populate_record(null::{table}, %(old)s) w,"
        " jsonb_populate_record(null::{table}, %(new)s) n where {same}"
    ).format(table=_table(change), assignments=sql.SQL(", ").join(assignments), same=_same(change.key, old))
    return statement, {"old": Jsonb({**change.key, **old}), "new": Jsonb(new)}


def _same(key: Iterable[str], columns: Iterable[str]) -> sql.Composed:
    """Return the condition that a row, found by its key, still is as it was seen; null is a value like any other."""
    found = [sql.SQL("t.{column} = w.{column}").format(column=sql.Identifier(column)) for column in key]
    seen = [
        sql.SQL("t.{column} is not distinct from w.{column}").format(column=sql.Identifier(column))
        for column in columns
    ]
    return sql.SQL(" and ").join([*found, *seen])
