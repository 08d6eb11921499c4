"""The rows themselves, and what a test may put into them directly."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from msgspec.structs import replace

from bridge.change_log import LogEntry
from bridge.clock import EPOCH
from bridge.errors import StoreError, StoreRefused
from bridge.models import (
    Conversation,
    ConversationId,
    Group,
    GroupId,
    GroupMembership,
    Message,
    MessageId,
    OwnTimer,
    Participant,
    ParticipantId,
    Position,
    Presence,
    Quote,
    User,
    UserId,
    profile_of,
)

DEFAULT_RETENTION_DAYS = 30
"""The column's default (contract data-model section 2)."""


def position_of(message: Message) -> Position:
    """Return where a message stands in the order of its conversation."""
    return Position(message.created_at, message.id)


def quote_of(message: Message) -> Quote | None:
    """Return what a reply to a message shows."""
    if message.deleted_at is not None:
        return None
    return Quote(
        id=message.id,
        conversation_id=message.conversation_id,
        sender_id=message.sender_id,
        content=message.content,
        state=message.state,
    )


class Tables:
    """Every table a dict or a list; `failing` makes every question raise."""

    def __init__(self) -> None:
        self.people: list[User] = []
        self.conversation_rows: dict[ConversationId, Conversation] = {}
        self.rows: dict[ParticipantId, Participant] = {}
        self.messages_by_id: dict[MessageId, Message] = {}
        self.group_rows: dict[GroupId, Group] = {}
        self.group_members: dict[tuple[GroupId, UserId], GroupMembership] = {}
        self.read: set[tuple[MessageId, UserId]] = set()
        self.typing_rows: dict[tuple[ConversationId, UserId], bool] = {}
        self.sealed: dict[MessageId, dict[UserId, str]] = {}
        self.can_seal = False
        self.presence_rows: dict[UserId, Presence] = {}
        self.joined_at: dict[ParticipantId, datetime] = {}
        self.own_timers: dict[ParticipantId, OwnTimer] = {}
        self.has_own_timers = False
        self.retention_days: dict[UserId, int] = {}
        self.profile_texts: dict[UserId, dict[str, str | None]] = {}
        self.adds_creators = False
        self.recorded: list[LogEntry] | None = None
        self.pruned = 0
        self.prunes_left = 0
        self.canaries: dict[str, int] = {}
        self.failing: StoreError | None = None
        self.asked: list[str] = []

    def note(self, question: str) -> None:
        """Remember that a question was asked, and fail it if the test wants so."""
        self.asked.append(question)
        if self.failing is not None:
            raise self.failing

    def contents(self) -> tuple[object, ...]:
        """Return a copy of everything that the creating actions write, to be compared later."""
        tables = (self.conversation_rows, self.rows, self.group_rows, self.group_members)
        return tuple(dict(table) for table in tables)

    def add_user(self, user: User) -> User:
        """Put a users row in."""
        self.people.append(user)
        return user

    def add_conversation(self, conversation: Conversation) -> Conversation:
        """Put a conversations row in, or another in its place."""
        self.conversation_rows[conversation.id] = conversation
        return conversation

    def add_participant(
        self, conversation_id: ConversationId, user_id: UserId, *, number: int = 0, role: str = "member"
    ) -> Participant:
        """Put an active participant row in; a conversation not made before is a direct one."""
        row = Participant(
            id=ParticipantId(f"{conversation_id}/{user_id}/{number}"),
            conversation_id=conversation_id,
            user_id=user_id,
            left_at=None,
            role=role,
        )
        self.rows[row.id] = row
        self.conversation_rows.setdefault(conversation_id, conversation_of(conversation_id))
        return row

    def active(self, conversation_id: ConversationId) -> list[UserId]:
        """Return the users of a conversation's active rows."""
        rows = (row for row in self.rows.values() if row.conversation_id == conversation_id)
        return [row.user_id for row in rows if row.left_at is None]

    def role_of(self, conversation_id: ConversationId, user_id: UserId) -> str | None:
        """Return the role in somebody's participant row."""
        row = self.rows.get(ParticipantId(f"{conversation_id}/{user_id}/0"))
        return row.role if row is not None else None

    def require_users(self, ids: Collection[UserId]) -> None:
        """Refuse as the foreign key on users does.

        Raises:
            StoreRefused: somebody does not exist.

        """
        if not set(ids) <= {user.id for user in self.people}:
            raise StoreRefused("23503")

    def remove_conversation(self, conversation_id: ConversationId) -> None:
        """Delete a conversation and, as the foreign keys do, what belongs to it."""
        self.conversation_rows.pop(conversation_id, None)
        for row in [row for row in self.rows.values() if row.conversation_id == conversation_id]:
            del self.rows[row.id]

    def with_surroundings(self, message: Message) -> Message:
        """Return the message with sender and quote, as a page shows it."""
        sender = next((profile_of(user) for user in self.people if user.id == message.sender_id), None)
        original = self.messages_by_id.get(message.reply_to_id) if message.reply_to_id else None
        quote = quote_of(original) if original and original.conversation_id == message.conversation_id else None
        return replace(message, sender=sender, reply_to=quote)

    def visible(self, conversation_id: ConversationId, now: datetime) -> list[Message]:
        """Return the conversation's messages that are neither deleted nor expired, ascending."""
        found = [
            message
            for message in self.messages_by_id.values()
            if message.conversation_id == conversation_id
            and message.deleted_at is None
            and (message.expires_at is None or message.expires_at > now)
        ]
        return sorted(found, key=position_of)


def conversation_of(conversation_id: ConversationId, kind: str = "direct", **columns: object) -> Conversation:
    """Return a row with the tables' defaults for whatever is not given."""
    defaults: Mapping[str, object] = {
        "name": None,
        "description": None,
        "avatar_url": None,
        "created_by": None,
        "created_at": EPOCH,
        "updated_at": EPOCH,
        "group_id": None,
        "is_private": False,
        "position": 0,
        "disappearing_messages_enabled": False,
        "disappearing_messages_duration_days": None,
    }
    return Conversation(**{"id": conversation_id, "type": kind, **defaults, **columns})  # type: ignore[arg-type]  # by name
