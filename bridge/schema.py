"""Which generation of the chat's schema this database has: found out from the tables, never assumed (contract F41)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from bridge.content import ColumnType, Content, read_content

NEEDED: Final[Mapping[str, Sequence[str]]] = {
    "users": [
        *("id", "username", "display_name", "avatar_url", "phone_number", "auth_user_id", "created_at"),
        *("bio", "website", "default_message_retention_days"),
    ],
    "conversations": [
        *("id", "type", "name", "description", "avatar_url", "created_by", "created_at", "updated_at", "group_id"),
        *("is_private", "position", "disappearing_messages_enabled", "disappearing_messages_duration_days"),
    ],
    "conversation_participants": ["id", "conversation_id", "user_id", "role", "joined_at", "left_at"],
    "messages": [
        *("id", "conversation_id", "sender_id", "reply_to_id", "message_type", "encrypted_content", "content_hash"),
        *("metadata", "edited_at", "deleted_at", "created_at", "expires_at"),
    ],
    "message_status": ["message_id", "user_id", "status", "timestamp"],
    "typing_indicators": ["conversation_id", "user_id", "is_typing", "updated_at"],
    "user_presence": ["user_id", "status", "last_seen", "updated_at"],
    "groups": ["id", "name", "description", "avatar_url", "is_public", "invite_code", "created_by", "created_at"],
    "group_members": ["group_id", "user_id", "role", "joined_at", "left_at"],
}
"""Tables and columns that no question of the bridge can do without."""


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
    has_change_log: bool = False
    has_usage_ledger: bool = False

    def read(self, printed: str, message_id: str) -> Content:
        """Read what PostgREST printed of a message's content."""
        return read_content(printed, self.content, message_id, sealing=self.copies is not None)


DB_1: Final = Schema()


class Dialect:
    """The schema in force; a live upgrade of the database replaces it, so it is asked for each question."""

    def __init__(self, schema: Schema = DB_1) -> None:
        self.schema = schema
