"""The optional tables for counts of usage in a database: installed, looked at, removed (docs/usage.md).

The SQL is in migration/sql/usage_ledger; how it is executed, in migration.objects.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import date
from typing import Any, Final

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import dict_row

from migration.objects import Database, execute, has_columns, looking, sql_of, there

_DIRECTORY: Final = "usage_ledger"
_INSTALLING: Final = ("1_tables", "2_counting")
_REMOVING: Final = "remove"

_TABLES: Final[Mapping[str, Sequence[str]]] = {
    "chat_bridge.usage_requests": ("day", "endpoint", "client", "version", "user_id", "count", "last_seen"),
    "chat_bridge.usage_writes": ("day", "table_name", "conversation_id", "by_bridge", "by_legacy"),
    "chat_bridge.usage_counted": ("table_name", "row_key", "day", "conversation_id", "by_bridge", "at"),
    "chat_bridge.usage_batches": ("id", "at"),
}
_INDEXES: Final = ("chat_bridge.usage_counted_at", "chat_bridge.usage_batches_at")
_FUNCTIONS: Final = (
    "public.chat_bridge_usage_add(text)",
    "public.chat_bridge_usage_requests(date,integer)",
    "public.chat_bridge_usage_writes(date,integer)",
    "public.chat_bridge_usage_forget(date)",
)
_SIZES: Final = " + ".join(f"pg_total_relation_size('{table}')" for table in _TABLES)
_NUMBERS: Final = f"""
select (select count(*) from chat_bridge.usage_requests) as requests,
       (select count(*) from chat_bridge.usage_writes) as writes,
       least(
         (select min(day) from chat_bridge.usage_requests), (select min(day) from chat_bridge.usage_writes)
       ) as oldest,
       {_SIZES} as bytes
"""


class OtherVersion(Exception):
    """A table of this name has other columns; its counts are nobody's to throw away."""

    def __init__(self, tables: Sequence[str]) -> None:
        super().__init__(", ".join(tables))


class LedgerNumbers(Struct, frozen=True, kw_only=True):
    """What is in a ledger."""

    requests: int
    """How many kinds of requests by day are counted."""
    writes: int
    """How many conversations by day and table."""
    oldest: date | None
    bytes: int


class LedgerState(Struct, frozen=True, kw_only=True):
    """What is there of the ledger."""

    missing: tuple[str, ...]
    is_absent: bool
    """Nothing is there."""
    numbers: LedgerNumbers | None


def installing() -> Sequence[str]:
    """Return the transactions that install, or repair; no table of the chat is touched."""
    return [sql_of(_DIRECTORY, *_INSTALLING)]


def removing() -> Sequence[str]:
    """Return the transactions that remove."""
    return [sql_of(_DIRECTORY, _REMOVING)]


def install(database: Database) -> None:
    """Install the ledger, or complete half of one; what was counted stays.

    Raises:
        NotAllowed: the role may not.
        Busy: one of its tables is never free for a moment.
        OtherVersion: there is something else by the name of a table.

    """
    with database.looking() as connection:
        others = _others(connection, there(connection, tuple(_TABLES), ()))
    if others:
        raise OtherVersion(others)
    execute(database, installing())


def remove(database: Database) -> None:
    """Remove whatever is there of the ledger, and all that was counted.

    Raises:
        NotAllowed: the role may not.
        Busy: one of its tables is never free for a moment.

    """
    execute(database, removing())


def state(database: Database) -> LedgerState:
    """Look at what is there.

    Raises:
        NotAllowed: the role may not.

    """
    with looking(database) as connection:
        found = there(connection, (*_TABLES, *_INDEXES), _FUNCTIONS)
        missing = [name for name in (*_TABLES, *_INDEXES, *_FUNCTIONS) if name not in found]
        missing += [f"columns of {name}" for name in _others(connection, found)]
        numbers = _numbers(connection) if not missing else None
    return LedgerState(missing=tuple(missing), is_absent=not found, numbers=numbers)


def _others(connection: psycopg.Connection, found: Set[str]) -> Sequence[str]:
    """Return which of the tables that are there are not of the kind that is meant."""
    tables = [(name, columns) for name, columns in _TABLES.items() if name in found]
    return [name for name, columns in tables if not has_columns(connection, name, columns)]


def _numbers(connection: psycopg.Connection) -> LedgerNumbers:
    with connection.cursor(row_factory=dict_row) as cursor:
        row: dict[str, Any] | None = cursor.execute(_NUMBERS.encode()).fetchone()
    return msgspec.convert(row, LedgerNumbers)
