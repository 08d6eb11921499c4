"""The optional change log in a database: installed, looked at, removed (docs/change-log.md).

The SQL is in migration/sql/change_log; how it is executed, in migration.objects.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec
import psycopg
from msgspec import Struct
from psycopg.rows import dict_row

from migration.objects import Database, execute, has_columns, looking, sql_of, there

WATCHED: Final[Mapping[str, Sequence[str]]] = {
    "messages": ("id", "conversation_id"),
    "conversation_participants": ("id", "conversation_id", "user_id"),
    "conversations": ("id",),
    "message_status": ("message_id", "user_id", "status"),
}
"""The tables, and the columns that are recorded of them or decide what is."""

_DIRECTORY: Final = "change_log"
_INSTALLING: Final = ("1_tables", "2_recording", "3_reading", "4_canary")
_REMOVING: Final = "remove"
_OPERATIONS: Final = ("insert", "update", "delete", "truncate")

_RECORDED: Final = ("xid", "seq", "at", "table_name", "operation", "row_id", "conversation_id", "user_id")
_RELATIONS: Final = (
    "chat_bridge.changes",
    "chat_bridge.change_log",
    "chat_bridge.changes_missed",
    "chat_bridge.canary",
)
_FUNCTIONS: Final = (
    "chat_bridge.record_change()",
    "chat_bridge.watch(text,text[])",
    "public.chat_bridge_changes(text,integer)",
    "public.chat_bridge_prune()",
    "public.chat_bridge_missed(text,uuid[],integer)",
    "public.chat_bridge_canary(uuid,bigint)",
)
_TRIGGERS: Final = """
select c.relname || ' ' || substr(t.tgname, 13), t.tgenabled = 'A'
from pg_trigger t join pg_class c on c.oid = t.tgrelid
where c.relnamespace = 'public'::regnamespace and t.tgname like 'chat\\_bridge\\_%'
"""
_UNPUBLISHED: Final = """
select exists (select from pg_publication where pubname = 'supabase_realtime') and not exists (
  select from pg_publication_tables
  where pubname = 'supabase_realtime' and schemaname = 'chat_bridge' and tablename = 'canary'
)
"""
_NUMBERS: Final = """
select (select count(*) from chat_bridge.changes) as entries,
       (select min(at) from chat_bridge.changes) as oldest,
       (select max(at) from chat_bridge.changes) as newest,
       pg_total_relation_size('chat_bridge.changes') as bytes,
       (select case when is_called then last_value + 1 else 0 end from chat_bridge.changes_missed) as missed,
       extract(epoch from keep)::float8 / 3600 as keep_hours,
       max_entries,
       coalesce((select max(extract(epoch from clock_timestamp() - xact_start)) from pg_stat_activity
                 where backend_xid is not null and pid <> pg_backend_pid()), 0)::float8 as held_up_seconds
from chat_bridge.change_log
"""


class Numbers(Struct, frozen=True, kw_only=True):
    """What is in a log."""

    entries: int
    oldest: datetime | None
    newest: datetime | None
    bytes: int
    missed: int
    """How often something could not be recorded."""
    keep_hours: float
    max_entries: int
    held_up_seconds: float
    """The age of the oldest transaction that writes, anywhere on the server: what came later waits for its end."""


class State(Struct, frozen=True, kw_only=True):
    """What is there of the log."""

    missing: tuple[str, ...]
    is_absent: bool
    """Nothing is there."""
    numbers: Numbers | None


def installing() -> Sequence[str]:
    """Return the transactions that install, or repair."""
    return [sql_of(_DIRECTORY, *_INSTALLING), *(_watching(table, columns) for table, columns in WATCHED.items())]


def removing() -> Sequence[str]:
    """Return the transactions that remove, triggers first."""
    return [*(_dropping(table) for table in WATCHED), sql_of(_DIRECTORY, _REMOVING)]


def install(database: Database, *, pause: Callable[[float], None] = time.sleep) -> None:
    """Install the log, or complete half of one.

    Raises:
        NotAllowed: the role may not.
        Busy: a table is never free for a moment.

    """
    execute(database, installing(), pause=pause)


def remove(database: Database, *, pause: Callable[[float], None] = time.sleep) -> None:
    """Remove whatever is there of the log.

    Raises:
        NotAllowed: the role may not.
        Busy: a table is never free for a moment.

    """
    execute(database, removing(), pause=pause)


def keep(database: Database, *, hours: float | None, entries: int | None) -> None:
    """Set how much is kept; None leaves it as it is."""
    with database.writing() as connection:
        connection.execute(
            "update chat_bridge.change_log set keep = coalesce(make_interval(secs => %s * 3600), keep), "
            "max_entries = coalesce(%s, max_entries)",
            (hours, entries),
        )


def state(database: Database) -> State:
    """Look at what is there.

    Raises:
        NotAllowed: the role may not.

    """
    with looking(database) as connection:
        return _state(connection)


def _state(connection: psycopg.Connection) -> State:
    found = there(connection, _RELATIONS, _FUNCTIONS)
    triggers: dict[str, bool] = dict(connection.execute(_TRIGGERS.encode()).fetchall())
    missing = [name for name in (*_RELATIONS, *_FUNCTIONS) if name not in found]
    for table, columns in WATCHED.items():
        if has_columns(connection, f"public.{table}", columns):
            missing += [f"the trigger on {name}" for name in _wanted_triggers(table) if not triggers.get(name)]
    numbers = None
    if found >= set(_RELATIONS):
        if not has_columns(connection, "chat_bridge.changes", _RECORDED):
            missing.append("columns of chat_bridge.changes")
        elif (numbers := _numbers(connection)) is None:
            missing.append("the row of chat_bridge.change_log")
        if connection.execute(_UNPUBLISHED.encode()).fetchone() == (True,):
            missing.append("chat_bridge.canary in the publication supabase_realtime")
    return State(missing=tuple(missing), is_absent=not found and not triggers, numbers=numbers)


def _numbers(connection: psycopg.Connection) -> Numbers | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        row: dict[str, Any] | None = cursor.execute(_NUMBERS.encode()).fetchone()
    return msgspec.convert(row, Numbers) if row else None


def _wanted_triggers(table: str) -> Sequence[str]:
    # A receipt that is taken back is told to nobody.
    return [f"{table} {one}" for one in _OPERATIONS if (table, one) != ("message_status", "delete")]


def _watching(table: str, columns: Sequence[str]) -> str:
    return f"select chat_bridge.watch('{table}', '{{{','.join(columns)}}}');"


def _dropping(table: str) -> str:
    return "\n".join(f"drop trigger if exists chat_bridge_{one} on public.{table};" for one in _OPERATIONS)
