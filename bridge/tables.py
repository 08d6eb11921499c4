"""Rows as PostgREST and Realtime print them, decoded into models: where dicts end."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from msgspec import Struct

from bridge.models import (
    AuthId,
    Conversation,
    ConversationId,
    Group,
    GroupId,
    GroupMembership,
    Message,
    MessageId,
    Participant,
    ParticipantId,
    Position,
    Presence,
    PresenceStatus,
    Profile,
    Quote,
    User,
    UserId,
)
from bridge.schema import Schema

DEFAULT_TYPE = "text"
_EARLIEST = datetime.min.replace(tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)


class UserRecord(Struct, frozen=True):
    """A users row as printed."""

    id: UserId
    username: str
    display_name: str
    phone_number: str
    auth_user_id: AuthId | None = None
    avatar_url: str | None = None

    def model(self) -> User:
        """Return the model."""
        return User(
            id=self.id,
            auth_user_id=self.auth_user_id,
            username=self.username,
            display_name=self.display_name,
            phone_number=self.phone_number,
            avatar_url=self.avatar_url,
        )


class ProfileRecord(Struct, frozen=True):
    """The public columns of a users row as printed."""

    id: UserId
    username: str
    display_name: str
    avatar_url: str | None = None

    def model(self) -> Profile:
        """Return the model."""
        return Profile(id=self.id, username=self.username, display_name=self.display_name, avatar_url=self.avatar_url)


class ParticipantRecord(Struct, frozen=True):
    """A conversation_participants row as printed."""

    id: ParticipantId
    conversation_id: ConversationId
    user_id: UserId
    left_at: str | None = None
    role: str | None = None

    def model(self) -> Participant:
        """Return the model."""
        return Participant(
            id=self.id,
            conversation_id=self.conversation_id,
            user_id=self.user_id,
            left_at=moment(self.left_at),
            role=self.role,
        )


class ConversationRecord(Struct, frozen=True):
    """A conversations row as printed."""

    id: ConversationId
    type: str
    name: str | None
    description: str | None
    avatar_url: str | None
    created_by: UserId | None
    created_at: str | None
    updated_at: str | None
    group_id: GroupId | None
    is_private: bool | None
    position: int | None
    disappearing_messages_enabled: bool
    disappearing_messages_duration_days: int | None

    def model(self) -> Conversation:
        """Return the model."""
        columns = {name: getattr(self, name) for name in ConversationRecord.__struct_fields__}
        times = {name: moment_or_earliest(columns[name]) for name in ("created_at", "updated_at")}
        return Conversation(**columns | times)


class GroupRecord(Struct, frozen=True):
    """A groups row as printed."""

    id: GroupId
    name: str
    description: str | None
    avatar_url: str | None
    is_public: bool | None
    invite_code: str | None
    created_by: UserId | None
    created_at: str | None

    def model(self) -> Group:
        """Return the model."""
        columns = {name: getattr(self, name) for name in self.__struct_fields__}
        return Group(**columns | {"created_at": moment_or_earliest(self.created_at)})


class GroupMemberRecord(Struct, frozen=True):
    """A group_members row as printed."""

    group_id: GroupId
    user_id: UserId
    role: str | None
    left_at: str | None

    def model(self) -> GroupMembership:
        """Return the model."""
        return GroupMembership(
            group_id=self.group_id, user_id=self.user_id, role=self.role, left_at=moment(self.left_at)
        )


class PositionRecord(Struct, frozen=True):
    """Where a messages row stands, as printed."""

    id: MessageId
    created_at: str | None

    def model(self) -> Position:
        """Return the model."""
        return Position(moment_or_earliest(self.created_at), self.id)


class PresenceRecord(Struct, frozen=True):
    """A user_presence row as printed."""

    user_id: UserId
    status: str
    last_seen: str | None

    def model(self) -> Presence:
        """Return the model; a status of a later generation shows nobody as present."""
        known = next((one for one in PresenceStatus if one.value == self.status), PresenceStatus.OFFLINE)
        return Presence(user_id=self.user_id, status=known, last_seen=moment(self.last_seen))


class QuoteRecord(Struct, frozen=True):
    """The columns of a messages row that a quote needs, as printed."""

    id: MessageId
    conversation_id: ConversationId
    sender_id: UserId
    encrypted_content: str
    deleted_at: str | None = None

    def model(self, schema: Schema) -> Quote:
        """Return the model."""
        content = schema.read(self.encrypted_content, self.id)
        return Quote(
            id=self.id,
            conversation_id=self.conversation_id,
            sender_id=self.sender_id,
            content=content.text,
            state=content.state,
        )


class MessageRecord(Struct, frozen=True):
    """A messages row as printed, with the embedded sender and original where they were asked for."""

    id: MessageId
    conversation_id: ConversationId
    sender_id: UserId
    message_type: str | None
    encrypted_content: str
    created_at: str | None
    reply_to_id: MessageId | None
    content_hash: str | None
    metadata: object
    edited_at: str | None
    deleted_at: str | None
    expires_at: str | None
    content_type: str | None = None
    has_attachments: bool | None = None
    sender: ProfileRecord | None = None
    reply_to: QuoteRecord | None = None

    def model(self, schema: Schema) -> Message:
        """Return the model; an original that was deleted or is in another conversation is not shown (contract F10)."""
        content = schema.read(self.encrypted_content, self.id)
        original = self.reply_to
        shown = original and original.deleted_at is None and original.conversation_id == self.conversation_id
        return Message(
            id=self.id,
            conversation_id=self.conversation_id,
            sender_id=self.sender_id,
            reply_to_id=self.reply_to_id,
            message_type=self.message_type or DEFAULT_TYPE,
            content=content.text,
            state=content.state,
            content_hash=self.content_hash,
            metadata=self.metadata,
            edited_at=moment(self.edited_at),
            deleted_at=moment(self.deleted_at),
            created_at=moment_or_earliest(self.created_at),
            expires_at=moment(self.expires_at),
            content_type=self.content_type,
            has_attachments=self.has_attachments,
            sender=self.sender.model() if self.sender else None,
            reply_to=original.model(schema) if original and shown else None,
        )


def moment(text: str | None) -> datetime | None:
    """Read a timestamptz."""
    return None if text is None else known_moment(text)


def moment_or_earliest(text: str | None) -> datetime:
    """Read a timestamptz that ought not to be null but may be (data-model section 2): undated is before all others."""
    return _EARLIEST if text is None else known_moment(text)


def known_moment(text: str) -> datetime:
    """Read a timestamptz that is not null; what Python cannot hold (infinity, far years) becomes its nearest end.

    Raises:
        msgspec.ValidationError: not a time.

    """
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return _out_of_range(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _out_of_range(text: str) -> datetime:
    if text.startswith("-") or text.endswith("BC"):
        return _EARLIEST
    if text == "infinity" or text[:5].isdigit():
        return _LATEST
    raise msgspec.ValidationError("not a time")
