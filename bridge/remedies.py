"""The exact SQL that mends what a database lacks: the bridge's log and the migration tools say the same (contract F44).

Pure texts. What the bridge itself cannot see over PostgREST and Realtime (replica identity, row filters), the migration
tools look for over SQL.
"""

from __future__ import annotations

import re
from typing import Final

PUBLICATION: Final = "supabase_realtime"
"""The publication that Realtime reads."""

_TYPES: Final = {
    "timestamptz": (
        "left_at",
        "timestamp",
        "joined_at",
        "created_at",
        "updated_at",
        "edited_at",
        "deleted_at",
        "expires_at",
        "last_seen",
    ),
    "uuid": ("id", "group_id", "created_by", "reply_to_id", "auth_user_id", "conversation_id", "user_id", "sender_id"),
    "boolean default false": ("is_private", "is_typing", "is_public", "disappearing_messages_enabled"),
    "integer": ("position", "disappearing_messages_duration_days"),
    "jsonb default '{}'": ("metadata",),
}
"""Types of columns as the app's own migrations have them (contract data-model section 2); the others are text."""

_UNPUBLISHED: Final = re.compile(
    r"Unable to subscribe to changes with given parameters.*\bschema: public, table: (?P<table>\w+)", re.DOTALL
)


def publish(table: str) -> str:
    """Return the statement by which Realtime tells of a table's changes."""
    return f"alter publication {PUBLICATION} add table public.{table};"


def identify(table: str, *, has_key: bool) -> str:
    """Return the statement after which updates and deletes of a published table work, and tell the row's key."""
    return f"alter table public.{table} replica identity {'default' if has_key else 'full'};"


def supply(missing: str) -> str:
    """Return the statement that adds a missing `table.column`; a whole table is for the app's migrations to make."""
    table, _, column = missing.partition(".")
    if not column:
        return f"-- {missing}: run the migration of the app that makes it."
    kind = next((kind for kind, columns in _TYPES.items() if column in columns), "text")
    return f"alter table public.{table} add column {column} {kind};"


def unpublished_table(reason: str) -> str | None:
    """Return the table that Realtime's refusal of a subscription names as not published; None for other reasons."""
    found = _UNPUBLISHED.search(reason)
    return found["table"] if found else None
