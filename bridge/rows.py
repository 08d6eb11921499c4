"""What stored things look like on the wire: one serialiser for every path (contract ws-protocol section 5, F17)."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.clock import row_time
from bridge.models import (
    ContentState,
    Conversation,
    ConversationSummary,
    GroupSummary,
    Message,
    Presence,
    PresenceStatus,
    Profile,
    Quote,
    User,
)

Id = Annotated[str, Meta(extra_json_schema={"format": "uuid"})]
Time = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class SenderRow(Struct, frozen=True):
    """The `sender` of a message."""

    id: Id
    username: str
    display_name: str
    avatar_url: str | None


class QuoteRow(Struct, frozen=True):
    """The `reply_to` of a message; `content_state` as in MessageRow."""

    id: Id
    encrypted_content: str
    sender_id: Id
    content_state: ContentState | UnsetType = UNSET


class MessageRow(Struct, frozen=True, kw_only=True):
    """A message; `encrypted_content` is text in every frame, `reply_to` is absent unless it is a reply.

    `content_state` is absent where the content is plain text; `sealed`: the content is the viewer's own copy;
    `unavailable`: there is nothing to show, and the content is empty. `content_type` and `has_attachments` are there
    where the database has them.
    """

    id: Id
    conversation_id: Id
    sender_id: Id
    reply_to_id: Id | None
    message_type: str
    encrypted_content: str
    content_hash: str | None
    metadata: object
    edited_at: Time | None
    deleted_at: Time | None
    created_at: Time | None
    expires_at: Time | None
    sender: SenderRow | None
    content_state: ContentState | UnsetType = UNSET
    content_type: str | UnsetType = UNSET
    has_attachments: bool | UnsetType = UNSET
    reply_to: QuoteRow | UnsetType = UNSET


class ConversationRow(Struct, frozen=True, kw_only=True):
    """A line of the conversation list under both name sets: that of the first clients, then that of the later ones."""

    conversation_id: Id
    conversation_type: str
    conversation_name: str | None
    conversation_avatar_url: str | None
    group_id: Id | None
    group_name: str | None
    participant_count: int
    latest_message_id: Id | None
    latest_message_content: str | None
    latest_message_sender_id: Id | None
    latest_message_sender_username: str | None
    latest_message_created_at: Time | None
    unread_count: int
    id: Id
    type: str
    name: str | None
    avatar_url: str | None
    last_message_content: str | None
    last_message_sender_username: str | None
    last_message_at: Time | None
    disappearing_messages_enabled: bool = False
    disappearing_messages_duration_days: int | None = None


class MadeConversationRow(Struct, frozen=True, kw_only=True):
    """A conversations row as it is in the table, and its list names beside them."""

    id: Id
    type: str
    name: str | None
    description: str | None
    avatar_url: str | None
    created_by: Id | None
    created_at: Time | None
    updated_at: Time | None
    group_id: Id | None
    is_private: bool | None
    position: int | None
    disappearing_messages_enabled: bool
    disappearing_messages_duration_days: int | None
    conversation_id: Id
    conversation_type: str
    conversation_name: str | None
    conversation_avatar_url: str | None


class GroupRow(Struct, frozen=True, kw_only=True):
    """A line of the list of groups (contract legacy-rest section 3.5)."""

    group_id: Id
    group_name: str
    group_description: str | None
    group_avatar_url: str | None
    user_role: str | None
    room_count: int
    member_count: int
    latest_activity: Time | None


class UserRow(Struct, frozen=True, kw_only=True):
    """The user of `auth_success`: the only frame with an auth id (contract data-model section 6, rule 6)."""

    id: Id
    auth_user_id: Id
    email: str
    phone: str
    username: str
    display_name: str


class PresenceRow(Struct, frozen=True, rename="camel"):
    """Somebody's status, as told and as loaded."""

    user_id: Id
    status: PresenceStatus
    last_seen: Annotated[Time | None, Meta(description="The last sign of life; null if there never was one.")]


def sender_row(profile: Profile | None) -> SenderRow | None:
    """Show a profile; None stays None, for a message is shown even when its sender could not be read (contract F32)."""
    return None if profile is None else profile_row(profile)


def profile_row(profile: Profile) -> SenderRow:
    """Show what others see of somebody."""
    return SenderRow(profile.id, profile.username, profile.display_name, profile.avatar_url)


def _quote_row(quote: Quote) -> QuoteRow:
    return QuoteRow(quote.id, quote.content, quote.sender_id, _unless_plain(quote.state))


def _unless_plain(state: ContentState) -> ContentState | UnsetType:
    return UNSET if state is ContentState.PLAIN else state


def message_row(message: Message) -> MessageRow:
    """Show a message."""
    return MessageRow(
        id=message.id,
        conversation_id=message.conversation_id,
        sender_id=message.sender_id,
        reply_to_id=message.reply_to_id,
        message_type=message.message_type,
        encrypted_content=message.content,
        content_hash=message.content_hash,
        metadata=message.metadata,
        edited_at=row_time(message.edited_at),
        deleted_at=row_time(message.deleted_at),
        created_at=row_time(message.created_at),
        expires_at=row_time(message.expires_at),
        sender=sender_row(message.sender),
        content_state=_unless_plain(message.state),
        content_type=UNSET if message.content_type is None else message.content_type,
        has_attachments=UNSET if message.has_attachments is None else message.has_attachments,
        reply_to=UNSET if message.reply_to is None else _quote_row(message.reply_to),
    )


def conversation_row(summary: ConversationSummary) -> ConversationRow:
    """Show a line of the conversation list under both name sets."""
    latest = summary.latest
    content = latest.content if latest else None
    username = latest.sender.username if latest and latest.sender else None
    at = row_time(latest.created_at) if latest else None
    return ConversationRow(
        conversation_id=summary.id,
        conversation_type=summary.type,
        conversation_name=summary.name,
        conversation_avatar_url=summary.avatar_url,
        group_id=summary.group_id,
        group_name=summary.group_name,
        participant_count=summary.participant_count,
        latest_message_id=latest.id if latest else None,
        latest_message_content=content,
        latest_message_sender_id=latest.sender_id if latest else None,
        latest_message_sender_username=username,
        latest_message_created_at=at,
        unread_count=summary.unread_count,
        id=summary.id,
        type=summary.type,
        name=summary.name,
        avatar_url=summary.avatar_url,
        last_message_content=content,
        last_message_sender_username=username,
        last_message_at=at,
        disappearing_messages_enabled=summary.disappearing_messages_enabled,
        disappearing_messages_duration_days=summary.disappearing_messages_duration_days,
    )


def made_conversation_row(conversation: Conversation) -> MadeConversationRow:
    """Show a conversation to whoever made it."""
    return MadeConversationRow(
        id=conversation.id,
        type=conversation.type,
        name=conversation.name,
        description=conversation.description,
        avatar_url=conversation.avatar_url,
        created_by=conversation.created_by,
        created_at=row_time(conversation.created_at),
        updated_at=row_time(conversation.updated_at),
        group_id=conversation.group_id,
        is_private=conversation.is_private,
        position=conversation.position,
        disappearing_messages_enabled=conversation.disappearing_messages_enabled,
        disappearing_messages_duration_days=conversation.disappearing_messages_duration_days,
        conversation_id=conversation.id,
        conversation_type=conversation.type,
        conversation_name=conversation.name,
        conversation_avatar_url=conversation.avatar_url,
    )


def group_row(summary: GroupSummary) -> GroupRow:
    """Show a line of the list of groups."""
    return GroupRow(
        group_id=summary.id,
        group_name=summary.name,
        group_description=summary.description,
        group_avatar_url=summary.avatar_url,
        user_role=summary.role,
        room_count=summary.room_count,
        member_count=summary.member_count,
        latest_activity=row_time(summary.latest_activity),
    )


def user_row(user: User, auth_id: str, email: str) -> UserRow:
    """Show the authenticated user to itself."""
    return UserRow(
        id=user.id,
        auth_user_id=auth_id,
        email=email,
        phone=user.phone_number,
        username=user.username,
        display_name=user.display_name,
    )


def presence_row(presence: Presence) -> PresenceRow:
    """Show somebody's status."""
    return PresenceRow(presence.user_id, presence.status, row_time(presence.last_seen))
