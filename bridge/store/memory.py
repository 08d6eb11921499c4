"""The tables in memory, for unit tests: the same promises as the real adapter, without a database."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from bridge.errors import StoreError, StoreRefused
from bridge.models import (
    AuthId,
    ConversationId,
    ConversationSummary,
    Identity,
    Message,
    MessageId,
    NewMessage,
    Participant,
    ParticipantId,
    Position,
    Profile,
    Quote,
    User,
    UserId,
    profile_of,
)

MESSAGE_TYPES = frozenset({"text", "image", "file", "system"})
RETENTION = timedelta(days=30)


def position_of(message: Message) -> Position:
    """Return where a message stands in the order of its conversation."""
    return Position(message.created_at, message.id)


class MemoryStore:
    """Users, conversations, participants and messages in dicts; `failing` makes every question raise."""

    def __init__(self) -> None:
        self.people: list[User] = []
        self.rows: dict[ParticipantId, Participant] = {}
        self.messages_by_id: dict[MessageId, Message] = {}
        self.conversation_types: dict[ConversationId, str] = {}
        self.read: set[tuple[MessageId, UserId]] = set()
        self.typing_rows: dict[tuple[ConversationId, UserId], bool] = {}
        self.failing: StoreError | None = None
        self.asked: list[str] = []
        self.users = _Users(self)
        self.conversations = _Conversations(self)
        self.messages = _Messages(self)
        self.receipts = _Receipts(self)
        self.typing = _Typing(self)

    async def check(self) -> None:
        """Fail if `failing` is set."""
        self.note("check")

    async def close(self) -> None:
        """Keep everything."""

    def note(self, question: str) -> None:
        """Remember that a question was asked, and fail it if the test wants so."""
        self.asked.append(question)
        if self.failing is not None:
            raise self.failing

    def add_user(self, user: User) -> User:
        """Put a users row in."""
        self.people.append(user)
        return user

    def add_participant(self, conversation_id: ConversationId, user_id: UserId, *, number: int = 0) -> Participant:
        """Put an active participant row in."""
        row = Participant(
            id=ParticipantId(f"{conversation_id}/{user_id}/{number}"),
            conversation_id=conversation_id,
            user_id=user_id,
            left_at=None,
        )
        self.rows[row.id] = row
        self.conversation_types.setdefault(conversation_id, "direct")
        return row

    def with_surroundings(self, message: Message) -> Message:
        """Return the message with sender and quote, as a page shows it."""
        sender = next((profile_of(user) for user in self.people if user.id == message.sender_id), None)
        original = self.messages_by_id.get(message.reply_to_id) if message.reply_to_id else None
        quote = _quote(original) if original and original.conversation_id == message.conversation_id else None
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


def _quote(message: Message) -> Quote | None:
    if message.deleted_at is not None:
        return None
    return Quote(
        id=message.id,
        conversation_id=message.conversation_id,
        sender_id=message.sender_id,
        content=message.content,
    )


class _Users:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def by_auth_id(self, auth_id: AuthId) -> Sequence[User]:
        self._store.note("users.by_auth_id")
        linked = [user for user in self._store.people if user.auth_user_id == auth_id]
        same = [user for user in self._store.people if str(user.id) == auth_id and user not in linked]
        return linked + same

    async def by_phone(self, numbers: Collection[str]) -> Sequence[User]:
        self._store.note("users.by_phone")
        return [user for user in self._store.people if user.phone_number in numbers]

    async def profiles(self, ids: Collection[UserId]) -> Mapping[UserId, Profile]:
        self._store.note("users.profiles")
        return {user.id: profile_of(user) for user in self._store.people if user.id in ids}


class _Conversations:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def participants(self, conversation_id: ConversationId) -> Sequence[Participant]:
        self._store.note("conversations.participants")
        return [row for row in self._store.rows.values() if row.conversation_id == conversation_id]

    async def summaries(self, identity: Identity, now: datetime) -> Sequence[ConversationSummary]:
        self._store.note("conversations.summaries")
        active = [row for row in self._store.rows.values() if row.left_at is None]
        mine = {row.conversation_id for row in active if row.user_id in identity.ids}
        found = [self._summary(conversation_id, active, identity, now) for conversation_id in mine]
        return sorted(found, key=lambda one: one.latest.created_at if one.latest else one.created_at, reverse=True)

    def _summary(
        self, conversation_id: ConversationId, active: list[Participant], identity: Identity, now: datetime
    ) -> ConversationSummary:
        visible = self._store.visible(conversation_id, now)
        others = [message for message in visible if message.sender_id not in identity.ids]
        members = [row.user_id for row in active if row.conversation_id == conversation_id]
        kind = self._store.conversation_types[conversation_id]
        other = next((user for user in self._store.people if user.id in members and user.id not in identity.ids), None)
        return ConversationSummary(
            id=conversation_id,
            type=kind,
            name=other.display_name if kind == "direct" and other else None,
            avatar_url=other.avatar_url if kind == "direct" and other else None,
            group_id=None,
            group_name=None,
            participant_count=len(members),
            created_at=now,
            latest=self._store.with_surroundings(visible[-1]) if visible else None,
            unread_count=sum((message.id, identity.user_id) not in self._store.read for message in others),
        )


class _Messages:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def insert(self, message: NewMessage) -> Message:
        self._store.note("messages.insert")
        if message.message_type not in MESSAGE_TYPES:
            raise StoreRefused("23514")
        written = Message(
            id=message.id,
            conversation_id=message.conversation_id,
            sender_id=message.sender_id,
            reply_to_id=message.reply_to_id,
            message_type=message.message_type,
            content=message.content,
            content_hash=None,
            metadata=message.metadata,
            edited_at=None,
            deleted_at=None,
            created_at=message.created_at,
            expires_at=message.created_at + RETENTION,
        )
        return self._store.messages_by_id.setdefault(message.id, written)

    async def page(
        self, conversation_id: ConversationId, *, before: Position | None, limit: int, now: datetime
    ) -> Sequence[Message]:
        self._store.note("messages.page")
        visible = self._store.visible(conversation_id, now)
        older = [message for message in visible if before is None or position_of(message) < before]
        return [self._store.with_surroundings(message) for message in older[-limit:]]

    async def position(self, conversation_id: ConversationId, message_id: MessageId) -> Position | None:
        self._store.note("messages.position")
        message = self._store.messages_by_id.get(message_id)
        return position_of(message) if message and message.conversation_id == conversation_id else None

    async def quote(self, message_id: MessageId) -> Quote | None:
        self._store.note("messages.quote")
        message = self._store.messages_by_id.get(message_id)
        return _quote(message) if message else None

    async def by_ids(self, ids: Collection[MessageId]) -> Sequence[Message]:
        self._store.note("messages.by_ids")
        found = [self._store.messages_by_id[one] for one in set(ids) if one in self._store.messages_by_id]
        return sorted(found, key=position_of)

    async def positions_since(self, moment: datetime, *, after: Position | None, limit: int) -> Sequence[Position]:
        self._store.note("messages.positions_since")
        positions = [
            position_of(message)
            for message in self._store.messages_by_id.values()
            if message.created_at >= moment and message.deleted_at is None
        ]
        return sorted(one for one in positions if after is None or one > after)[:limit]


class _Receipts:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def unread_among(
        self, conversation_id: ConversationId, reader: Identity, ids: Collection[MessageId]
    ) -> Sequence[MessageId]:
        self._store.note("receipts.unread_among")
        found = [self._store.messages_by_id[one] for one in dict.fromkeys(ids) if one in self._store.messages_by_id]
        return [
            message.id
            for message in found
            if message.conversation_id == conversation_id
            and message.sender_id not in reader.ids
            and (message.id, reader.user_id) not in self._store.read
        ]

    async def mark_read(self, reader_id: UserId, ids: Collection[MessageId], now: datetime) -> None:
        self._store.note("receipts.mark_read")
        self._store.read.update((one, reader_id) for one in ids)


class _Typing:
    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def set(self, conversation_id: ConversationId, user_id: UserId, *, is_typing: bool, now: datetime) -> None:
        self._store.note("typing.set")
        self._store.typing_rows[conversation_id, user_id] = is_typing
