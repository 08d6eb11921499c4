"""Which schema this database has, found out by asking (contract data-model section 7, "Start-up detection").

PostgREST shows no catalogue, but it answers every question about a column with the database's own error, so one small
question each, for a row at most, tells what is there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from supabase import AsyncClient

from bridge.content import ColumnType
from bridge.errors import SchemaUnusable, StoreRefused
from bridge.schema import NEEDED, Schema
from bridge.store.supabase.change_log import has_change_log
from bridge.store.supabase.query import rows
from bridge.store.supabase.usage import has_usage_ledger

NOTHING: Final = "00000000-0000-0000-0000-000000000000"
"""The id of no row."""

_NO_TABLE: Final = frozenset({"PGRST205", "42P01"})
_NO_COLUMN: Final = frozenset({"42703", "PGRST204"})
_NO_SUCH_OPERATOR: Final = frozenset({"42883", "42725"})


async def detect(client: AsyncClient) -> Schema:
    """Return the schema.

    Raises:
        SchemaUnusable: needed tables or columns are missing; the error names all of them.
        StoreError: the database did not answer, or refused for another reason, a wrong key say.

    """
    missing = await asyncio.gather(*(_missing(client, table, names) for table, names in NEEDED.items()))
    if any(missing):
        raise SchemaUnusable([name for names in missing for name in names])
    (content, copies, content_type, attachments, timers), (change_log, usage_ledger) = await asyncio.gather(
        asyncio.gather(
            _type(client, "messages", "id"),
            _copies(client),
            _has(client, "messages", "content_type"),
            _has(client, "messages", "has_attachments"),
            _has(client, "conversation_participants", "disappear_seconds,start_on"),
        ),
        asyncio.gather(has_change_log(client), has_usage_ledger(client)),
    )
    return Schema(
        content=content,
        copies=copies,
        has_content_type=content_type,
        has_attachments=attachments,
        has_own_timers=timers,
        has_change_log=change_log,
        has_usage_ledger=usage_ledger,
    )


async def _missing(client: AsyncClient, table: str, names: Sequence[str]) -> list[str]:
    """Return what is missing of a table, by name; one question where nothing is."""
    try:
        await rows(
            client.table(table).select(",".join(names)).limit(1), dict[str, object], expected=_NO_TABLE | _NO_COLUMN
        )
    except StoreRefused as refused:
        if refused.sqlstate in _NO_TABLE:
            return [f"the table {table}"]
        if refused.sqlstate not in _NO_COLUMN:
            raise
        there = await asyncio.gather(*(_has(client, table, name) for name in names))
        return [f"{table}.{name}" for name, is_there in zip(names, there, strict=True) if not is_there]
    return []


async def _has(client: AsyncClient, table: str, column: str) -> bool:
    try:
        await rows(client.table(table).select(column).limit(1), dict[str, object], expected=_NO_TABLE | _NO_COLUMN)
    except StoreRefused as refused:
        if refused.sqlstate in _NO_COLUMN:
            return False
        raise
    return True


async def _type(client: AsyncClient, table: str, key: str) -> ColumnType:
    """Tell text from bytea: only text can be compared with a pattern whose case does not matter."""
    query = client.table(table).select(key).eq(key, NOTHING).ilike("encrypted_content", "x")
    try:
        await rows(query, dict[str, object], expected=_NO_SUCH_OPERATOR)
    except StoreRefused as refused:
        if refused.sqlstate in _NO_SUCH_OPERATOR:
            return ColumnType.BYTEA
        raise
    return ColumnType.TEXT


async def _copies(client: AsyncClient) -> ColumnType | None:
    wanted = ["message_id", "recipient_user_id", "encrypted_content", "expires_at"]
    if await _missing(client, "message_recipients", wanted):
        return None
    return await _type(client, "message_recipients", "message_id")
