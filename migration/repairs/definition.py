"""What a repair is: for rows that a check has found, the changes that mend them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct

Values = Mapping[str, object]


class Repair(Struct, frozen=True, kw_only=True):
    """How the findings of the check of the same name are mended, where that is safe."""

    check: str
    what: str
    """What it does, in one sentence."""
    why_safe: str
    """Why nobody loses anything or sees what is not meant for them, and what is left alone."""
    sql: str
    """Selects, for the rows of t in {page}: the key found, then table, key, before and after of each `Change`."""


class Change(Struct, frozen=True, kw_only=True):
    """One row as it was and as it will be; values are those of jsonb."""

    table: str
    key: Values
    before: Values | None
    """The columns that change, and those that a trigger touches; None: there is no such row."""
    after: Values
    """The columns that change; of a new row those that it is given."""


UNPAIRED: Final = """
not exists (
  select from conversations o
  join conversation_participants one on one.conversation_id = o.id and one.left_at is null
  join conversation_participants other on other.conversation_id = o.id and other.left_at is null
  where o.type = 'direct' and o.id <> {conversation} and one.user_id = {one} and other.user_id = {other})
"""
"""The condition that two people have no other direct conversation: completing one must not make a second."""
