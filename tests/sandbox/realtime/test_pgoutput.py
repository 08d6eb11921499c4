"""The pgoutput decoder, fed with messages written by an encoder of its own."""

import struct
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.sandbox.realtime.pgoutput import (
    Action,
    Begin,
    Cell,
    Column,
    Commit,
    Ignored,
    Malformed,
    Relation,
    RowChange,
    Truncate,
    Unchanged,
    decode,
)

names = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=20)
oids = st.integers(1, 2**32 - 1)
cells: st.SearchStrategy[Cell] = st.none() | st.just(Unchanged.TOAST) | st.text(st.characters(codec="utf-8"))
rows = st.lists(cells, max_size=6).map(tuple)
lsns = st.integers(0, 2**64 - 1)
microseconds = st.integers(0, 10**15)


def row_bytes(row: tuple[Cell, ...]) -> bytes:
    """Encode TupleData."""
    parts = [struct.pack("!H", len(row))]
    for cell in row:
        if cell is None:
            parts.append(b"n")
        elif isinstance(cell, Unchanged):
            parts.append(b"u")
        else:
            encoded = cell.encode()
            parts.append(b"t" + struct.pack("!I", len(encoded)) + encoded)
    return b"".join(parts)


def moment(micros: int) -> datetime:
    """Return the time a number of microseconds after PostgreSQL's epoch."""
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


@given(lsn=lsns, micros=microseconds, xid=oids)
def test_begin(lsn: int, micros: int, xid: int) -> None:
    """A transaction starts with its commit time."""
    assert decode(b"B" + struct.pack("!QqI", lsn, micros, xid)) == Begin(lsn, moment(micros), xid)


@given(lsn=lsns, end=lsns, micros=microseconds)
def test_commit(lsn: int, end: int, micros: int) -> None:
    """And ends with its positions."""
    assert decode(b"C" + struct.pack("!BQQq", 0, lsn, end, micros)) == Commit(lsn, end, moment(micros))


@given(
    oid=oids,
    schema=names,
    table=names,
    identity=st.sampled_from("dnfi"),
    columns=st.lists(st.tuples(st.booleans(), names, oids)),
)
def test_relation(oid: int, schema: str, table: str, identity: str, columns: list[tuple[bool, str, int]]) -> None:
    """A table comes with its columns, their types and which of them identify a row."""
    encoded = b"".join(
        struct.pack("!B", key) + name.encode() + b"\0" + struct.pack("!Ii", type_oid, -1)
        for key, name, type_oid in columns
    )
    head = struct.pack("!I", oid) + schema.encode() + b"\0" + table.encode() + b"\0" + identity.encode()
    expected = tuple(Column(name, type_oid, key) for key, name, type_oid in columns)
    found = decode(b"R" + head + struct.pack("!H", len(columns)) + encoded)
    assert found == Relation(oid, schema, table, identity, expected)


def test_an_empty_schema_means_pg_catalog() -> None:
    """The protocol abbreviates it."""
    found = decode(b"R" + struct.pack("!I", 1) + b"\0t\0d" + struct.pack("!H", 0))
    assert found == Relation(1, "pg_catalog", "t", "d", ())


@given(oid=oids, row=rows)
def test_insert(oid: int, row: tuple[Cell, ...]) -> None:
    """An insert has a new row only."""
    found = decode(b"I" + struct.pack("!I", oid) + b"N" + row_bytes(row))
    assert found == RowChange(Action.INSERT, oid, row, None, old_is_key=False)


@given(oid=oids, new=rows, old=rows, kind=st.sampled_from(["", "K", "O"]))
def test_update(oid: int, new: tuple[Cell, ...], old: tuple[Cell, ...], kind: str) -> None:
    """An update may bring the old key, the whole old row, or neither."""
    before = kind.encode() + row_bytes(old) if kind else b""
    found = decode(b"U" + struct.pack("!I", oid) + before + b"N" + row_bytes(new))
    assert found == RowChange(Action.UPDATE, oid, new, old if kind else None, old_is_key=kind == "K")


@given(oid=oids, old=rows, kind=st.sampled_from("KO"))
def test_delete(oid: int, old: tuple[Cell, ...], kind: str) -> None:
    """A delete brings what identifies the row."""
    found = decode(b"D" + struct.pack("!I", oid) + kind.encode() + row_bytes(old))
    assert found == RowChange(Action.DELETE, oid, None, old, old_is_key=kind == "K")


@given(found=st.lists(oids))
def test_truncate(found: list[int]) -> None:
    """A truncate names its tables."""
    body = struct.pack("!IB", len(found), 0) + b"".join(struct.pack("!I", oid) for oid in found)
    assert decode(b"T" + body) == Truncate(tuple(found))


@pytest.mark.parametrize("kind", ["O", "Y", "M"])
def test_messages_without_meaning_are_ignored(kind: str) -> None:
    """Origins, types and logical messages may come and say nothing to us."""
    assert decode(kind.encode() + b"whatever") == Ignored(kind)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"Z",
        b"B\0",
        b"R" + struct.pack("!I", 1) + b"no end",
        b"I" + struct.pack("!I", 1) + b"K",
        b"U" + struct.pack("!I", 1) + b"X",
        b"D" + struct.pack("!I", 1) + b"N",
        b"I" + struct.pack("!I", 1) + b"N" + struct.pack("!H", 1) + b"b",
        b"I" + struct.pack("!I", 1) + b"N" + struct.pack("!H", 1) + b"t" + struct.pack("!I", 9) + b"short",
    ],
)
def test_what_breaks_the_protocol_is_malformed(message: bytes) -> None:
    """A cut-off or unknown message is never half understood."""
    with pytest.raises(Malformed):
        decode(message)
