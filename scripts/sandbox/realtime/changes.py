"""A row change as the rest of the stand-in sees it: named columns, the old key filled in as wal2json does; pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from scripts.sandbox.realtime.pgoutput import Action, Cell, Relation, Row, RowChange, Unchanged

NamedRow = Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Transaction:
    """The committed transaction a change belongs to."""

    xid: int
    committed_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One committed change of one row, as the stream told it."""

    action: Action
    relation: Relation
    new: NamedRow | None
    old: NamedRow | None
    transaction: Transaction
    received_at: float

    @property
    def size(self) -> int:
        """Return the bytes of all values, old and new."""
        rows = (row for row in (self.new, self.old) if row is not None)
        return sum(len(cell.encode()) for row in rows for cell in row.values() if isinstance(cell, str))

    @property
    def known(self) -> dict[str, Cell]:
        """Return the newest known value of every column; under FULL an untouched TOAST value is in the old row."""
        kept = {name: cell for name, cell in (self.new or {}).items() if not isinstance(cell, Unchanged)}
        return {**(self.old or {}), **kept} if self.new is not None else {}


def change_of(row: RowChange, relation: Relation, transaction: Transaction, received_at: float) -> Change:
    """Name the columns of a decoded change."""
    new = _named(relation, row.new)
    old = _named(relation, row.old)
    keys = {column.name for column in relation.columns if column.is_key}
    if old is not None and row.old_is_key:
        old = {name: cell for name, cell in old.items() if name in keys}
    if old is None and new is not None and row.action is Action.UPDATE:
        old = {name: cell for name, cell in new.items() if name in keys}  # the key did not change
    return Change(
        action=row.action,
        relation=relation,
        new=new,
        old=old,
        transaction=transaction,
        received_at=received_at,
    )


def _named(relation: Relation, row: Row | None) -> dict[str, Cell] | None:
    if row is None:
        return None
    return {column.name: cell for column, cell in zip(relation.columns, row, strict=True)}
