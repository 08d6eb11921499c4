"""Decoder of PostgreSQL's `pgoutput` stream, protocol version 1: bytes in, frozen messages out, no I/O.

Layout: PostgreSQL documentation, "Logical Replication Message Formats".
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum

_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class Malformed(Exception):
    """The stream does not follow the protocol."""


class Unchanged(Enum):
    """Marks a stored-out-of-line (TOAST) value that the change did not touch and the stream leaves out."""

    TOAST = "unchanged"


class Action(Enum):
    """What happened to a row, in Realtime's words."""

    INSERT = "INSERT"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


Cell = str | None | Unchanged
Row = tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a relation as the stream announces it."""

    name: str
    type_oid: int
    is_key: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table; sent before its first change and again whenever its definition or rights changed."""

    oid: int
    schema: str
    table: str
    replica_identity: str
    columns: tuple[Column, ...]


@dataclass(frozen=True, slots=True)
class Begin:
    """The start of a committed transaction."""

    final_lsn: int
    committed_at: datetime
    xid: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The end of a transaction."""

    commit_lsn: int
    end_lsn: int
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class RowChange:
    """One row inserted, updated or deleted.

    `old` holds the identity columns (`old_is_key`) or, under REPLICA IDENTITY FULL, the whole row; an update that
    touched no identity column has none.
    """

    action: Action
    relation_oid: int
    new: Row | None
    old: Row | None
    old_is_key: bool


@dataclass(frozen=True, slots=True)
class Truncate:
    """Tables emptied at once; Realtime says nothing about it."""

    relation_oids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Ignored:
    """A message without meaning for us: origin, type, logical message."""

    kind: str


Message = Begin | Commit | Relation | RowChange | Truncate | Ignored


class _Reader:
    """A cursor over one message."""

    def __init__(self, buffer: bytes) -> None:
        self._buffer = buffer
        self._at = 0

    def numbers(self, layout: str) -> tuple[int, ...]:
        try:
            found = struct.unpack_from(layout, self._buffer, self._at)
        except struct.error as error:
            raise Malformed("message too short") from error
        self._at += struct.calcsize(layout)
        return found

    def number(self, layout: str) -> int:
        return self.numbers(layout)[0]

    def text(self) -> str:
        end = self._buffer.find(b"\0", self._at)
        if end < 0:
            raise Malformed("text without end")
        found = self._buffer[self._at : end].decode()
        self._at = end + 1
        return found

    def letter(self) -> str:
        return chr(self.number("!B"))

    def counted(self, length: int) -> str:
        found = self._buffer[self._at : self._at + length]
        if len(found) != length:
            raise Malformed("value too short")
        self._at += length
        return found.decode()

    def row(self) -> Row:
        return tuple(self._cell() for _ in range(self.number("!H")))

    def _cell(self) -> Cell:
        match self.letter():
            case "n":
                return None
            case "u":
                return Unchanged.TOAST
            case "t":
                return self.counted(self.number("!I"))
            case other:
                raise Malformed(f"value of kind {other!r}")


def decode(message: bytes) -> Message:
    """Decode one message of the stream.

    Raises:
        Malformed: cut off, or of a kind that protocol version 1 does not know.

    """
    reader = _Reader(message)
    kind = reader.letter()
    decoder = _DECODERS.get(kind)
    if decoder is not None:
        return decoder(reader)
    if kind in "OYM":
        return Ignored(kind)
    raise Malformed(f"message of kind {kind!r}")


def _time(microseconds: int) -> datetime:
    return _POSTGRES_EPOCH + timedelta(microseconds=microseconds)


def _begin(reader: _Reader) -> Begin:
    lsn, at, xid = reader.numbers("!QqI")
    return Begin(lsn, _time(at), xid)


def _commit(reader: _Reader) -> Commit:
    _flags, lsn, end, at = reader.numbers("!BQQq")
    return Commit(lsn, end, _time(at))


def _relation(reader: _Reader) -> Relation:
    oid = reader.number("!I")
    schema, table = reader.text() or "pg_catalog", reader.text()
    identity = reader.letter()
    columns = []
    for _ in range(reader.number("!H")):
        flags = reader.number("!B")
        name = reader.text()
        type_oid, _modifier = reader.numbers("!Ii")
        columns.append(Column(name, type_oid, bool(flags & 1)))
    return Relation(oid, schema, table, identity, tuple(columns))


def _insert(reader: _Reader) -> RowChange:
    oid = reader.number("!I")
    if reader.letter() != "N":
        raise Malformed("insert without a new row")
    return RowChange(Action.INSERT, oid, reader.row(), None, old_is_key=False)


def _update(reader: _Reader) -> RowChange:
    oid, old, kind = reader.number("!I"), None, reader.letter()
    old_is_key = kind == "K"
    if kind in "KO":
        old, kind = reader.row(), reader.letter()
    if kind != "N":
        raise Malformed("update without a new row")
    return RowChange(Action.UPDATE, oid, reader.row(), old, old_is_key=old_is_key)


def _delete(reader: _Reader) -> RowChange:
    oid, kind = reader.number("!I"), reader.letter()
    if kind not in "KO":
        raise Malformed("delete without an old row")
    return RowChange(Action.DELETE, oid, None, reader.row(), old_is_key=kind == "K")


def _truncate(reader: _Reader) -> Truncate:
    count, _options = reader.numbers("!IB")
    return Truncate(tuple(reader.number("!I") for _ in range(count)))


_DECODERS: dict[str, Callable[[_Reader], Message]] = {
    "B": _begin,
    "C": _commit,
    "R": _relation,
    "I": _insert,
    "U": _update,
    "D": _delete,
    "T": _truncate,
}
