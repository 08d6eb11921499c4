"""How a migrated database stores what the seed writes, read from its catalogue: it may be stuck between generations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import psycopg

_COLUMN_TYPE: Final = (
    "(select format_type(a.atttypid, null) from pg_attribute a"
    " where a.attrelid = to_regclass('public.{}') and a.attname = 'encrypted_content')"
)
_READ: Final = f"""
select {_COLUMN_TYPE.format("messages")} = 'bytea',
       to_regclass('public.deliveries') is not null,
       {_COLUMN_TYPE.format("message_recipients")},
       exists (
         select from pg_constraint c where c.conname = 'conversations_type_check'
         and strpos(pg_get_constraintdef(c.oid), 'note_to_self') > 0
       )
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the seed must know.

    Attributes:
        binary_content: whether messages.encrypted_content is bytea.
        deliveries: whether there is such a table.
        copies: whether there is message_recipients.
        binary_copies: whether its copies are bytea; otherwise they are text that holds base64.
        notes: whether a conversation may be a note to oneself.

    """

    binary_content: bool
    deliveries: bool
    copies: bool
    binary_copies: bool
    notes: bool


async def read_layout(cursor: psycopg.AsyncCursor) -> Layout:
    """Read the catalogue of a migrated database."""
    await cursor.execute(_READ.encode())
    ((binary_content, deliveries, copy_type, notes),) = await cursor.fetchall()
    return Layout(
        binary_content=binary_content,
        deliveries=deliveries,
        copies=copy_type is not None,
        binary_copies=copy_type == "bytea",
        notes=notes,
    )
