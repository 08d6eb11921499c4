"""What pushes carry, where that is not a row of `bridge.rows` or a decision of `bridge.paths` as it is."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bridge.events import BridgeStatus, Trouble
from bridge.rows import ConversationRow, Id, MessageRow, SenderRow, Time


class MessageReceived(Struct, frozen=True):
    """Payload of `message_received`."""

    message: MessageRow


class TypingUpdate(Struct, frozen=True, rename="camel"):
    """Payload of `typing_update`."""

    conversation_id: Id
    user_id: Id
    username: str
    is_typing: bool


class MessagesReadUpdate(Struct, frozen=True, rename="camel"):
    """Payload of `messages_read`."""

    conversation_id: Id
    user_id: Id
    message_ids: tuple[Id, ...]
    read_at: Time | None


class UserHere(Struct, frozen=True, rename="camel"):
    """Payload of `user_online` and `user_offline`."""

    user_id: Id
    conversation_id: Id
    timestamp: Time


class ConnectionStatus(Struct, frozen=True):
    """Payload of `connection_status`."""

    status: BridgeStatus
    reason: Annotated[Trouble | None, Meta(description="Only with `degraded`.")]
    since: Time | None


class MessageShown(Struct, frozen=True):
    """Payload of `message_updated`: the whole message, as `message_received` shows it."""

    message: MessageRow


class MessageGone(Struct, frozen=True, rename="camel"):
    """Payload of `message_deleted`; `deletedAt` is null if the row itself is gone."""

    message_id: str
    conversation_id: str
    deleted_at: str | None


class ConversationShown(Struct, frozen=True):
    """Payload of `conversation_added` and `conversation_changed`: the line of the list, as its receiver sees it."""

    conversation: ConversationRow


class ConversationGone(Struct, frozen=True, rename="camel"):
    """Payload of `conversation_removed`."""

    conversation_id: str


class MemberShown(Struct, frozen=True, rename="camel"):
    """Payload of `member_added`; `role` is null where the table has none."""

    conversation_id: str
    user: SenderRow
    role: str | None


class MemberGone(Struct, frozen=True, rename="camel"):
    """Payload of `member_removed`."""

    conversation_id: str
    user_id: str
