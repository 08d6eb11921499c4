"""The `data` object of a postgres_changes event, encoded; pure (supabase.md 2.4, recorded)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

import msgspec

from scripts.sandbox.realtime.catalogue import Rights, Table
from scripts.sandbox.realtime.changes import Change, NamedRow
from scripts.sandbox.realtime.pgoutput import Action, Unchanged
from scripts.sandbox.realtime.values import TEXT, to_json

MAX_ROW_BYTES = 1024 * 1024
MAX_KEPT_VALUE_BYTES = 64
_JSON = msgspec.json.Encoder()


def refusal(change: Change, table: Table, rights: Rights) -> str | None:
    """Return why a role gets an error instead of the row; deletes are never refused."""
    if change.action is Action.DELETE:
        return None
    if not table.key:
        return "Error 400: Bad Request, no primary key"
    if not table.key <= rights.selectable:
        return "Error 401: Unauthorized"
    return None


def encode_refusal(change: Change, error: str) -> bytes:
    """Encode an event without a row: no commit_timestamp, no columns (supabase.md 2.4)."""
    shown: dict[str, object] = {
        "schema": change.relation.schema,
        "table": change.relation.table,
        "type": change.action.value,
        "record": {},
        "errors": [error],
    }
    if change.action is Action.UPDATE:
        shown["old_record"] = {}
    return _JSON.encode(shown)


def encode_event(change: Change, table: Table, rights: Rights, select: frozenset[str] | None) -> bytes:
    """Encode the event for everybody of one role who selected the same columns."""
    visible = rights.selectable if select is None else rights.selectable & (select | table.key)
    oversize = change.size > MAX_ROW_BYTES
    shown: dict[str, object] = {
        "table": table.name,
        "type": change.action.value,
        "columns": [{"name": each.name, "type": each.type_name} for each in table.columns if each.name in visible],
        "errors": ["Error 413: Payload Too Large"] if oversize else None,
        "schema": table.schema,
        "commit_timestamp": commit_timestamp(change),
    }
    if change.new is not None:
        shown["record"] = _record(change.known, table, visible.__contains__, oversize=oversize)
    if change.old is not None:
        # A deleted row cannot be checked against policies any more, so they leave only its key (recorded).
        key_only = change.action is Action.DELETE and table.row_security
        kept = visible & table.key if key_only else visible
        shown["old_record"] = _record(change.old, table, kept.__contains__, oversize=oversize)
    return _JSON.encode(shown)


def commit_timestamp(change: Change) -> str:
    """Return the commit time with milliseconds, cut off rather than rounded, and Z, as recorded."""
    at = change.transaction.committed_at.astimezone(UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"


def _record(row: NamedRow, table: Table, visible: Callable[[str], bool], *, oversize: bool) -> dict[str, object]:
    shapes = table.shapes
    found = {
        name: to_json(cell, shapes.get(name, TEXT))
        for name, cell in row.items()
        if visible(name) and not isinstance(cell, Unchanged)
    }
    if oversize:
        return {name: value for name, value in found.items() if len(_JSON.encode(value)) <= MAX_KEPT_VALUE_BYTES}
    return found
