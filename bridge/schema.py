"""Which generation of the chat's schema this database has: found out from the tables, never assumed (contract F41)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from bridge.content import ColumnType, Content, read_content


class Schema(Struct, frozen=True, kw_only=True):
    """What differs between databases, half-way upgrades included: each sign by itself, no generation by name."""

    content: ColumnType = ColumnType.TEXT
    """The type of messages.encrypted_content."""
    copies: ColumnType | None = None
    """The type of message_recipients.encrypted_content; None: there is no such table, so nothing can be sealed."""
    has_content_type: bool = False
    has_attachments: bool = False
    has_own_timers: bool = False
    """Whether a participant can have a timer of its own (contract legacy-rest section 3.7)."""

    def read(self, printed: str, message_id: str) -> Content:
        """Read what PostgREST printed of a message's content."""
        return read_content(printed, self.content, message_id, sealing=self.copies is not None)


DB_1: Final = Schema()


class Dialect:
    """The schema in force; a live upgrade of the database replaces it, so it is asked for each question."""

    def __init__(self, schema: Schema = DB_1) -> None:
        self.schema = schema
