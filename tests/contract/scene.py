"""How a test of the Store port puts rows into the tables; what adapters promise is said in docstrings of bridge.store.

An adapter's test module gives a fixture `seed` (see `Seed`) and subclasses the suites. Nothing here assumes that the
tables are empty: every test makes its own people and conversations, at times of its own.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Protocol

from bridge.ids import new_message_id
from bridge.models import (
    AuthId,
    ConversationId,
    Identity,
    Message,
    MessageId,
    NewMessage,
    Position,
    Profile,
    User,
    UserId,
)
from bridge.store import Store


class Seed(Protocol):
    """How a test puts rows into the tables, as legacy writers and administrators do."""

    @property
    def store(self) -> Store:
        """Return the adapter."""
        ...

    async def user(self, user: User) -> None:
        """Insert a users row; rows are as old as the order of the calls says."""
        ...

    async def conversation(self, kind: str, *, created_by: UserId | None = None) -> ConversationId:
        """Insert an empty conversation; the old REST create left out who made it."""
        ...

    async def participant(self, conversation_id: ConversationId, user_id: UserId, *, left: bool = False) -> None:
        """Insert a participant row, of a member or of somebody who left."""
        ...

    async def role(self, conversation_id: ConversationId, user_id: UserId) -> str | None:
        """Return the role in a participant row; None without one."""
        ...

    async def message(self, message: NewMessage, *, deleted: bool = False) -> None:
        """Insert a message; expires_at is set by the tables, some days after now or after created_at."""
        ...

    async def read(self, message_id: MessageId, user_id: UserId) -> None:
        """Insert a message_status row that says read."""
        ...

    async def change(
        self, message_id: MessageId, *, edited_at: datetime | None = None, deleted_at: datetime | None = None
    ) -> None:
        """Set both times of a message."""
        ...


def some_time() -> datetime:
    """Return a time in the far future that no other test uses, so that a shared table is as good as an empty one."""
    return datetime(2100, 1, 1, tzinfo=UTC) + timedelta(seconds=uuid.uuid4().int % 10**9)


def person(name: str = "Person", **changes: str | None) -> User:
    """Return a users row that is not yet in the tables."""
    unique = uuid.uuid4()
    columns: dict[str, str | None] = {
        "id": str(unique),
        "auth_user_id": str(uuid.uuid4()),
        "username": f"u{unique.hex}",
        "display_name": name,
        "phone_number": f"+{unique.int % 10**15}",
        "avatar_url": None,
        **changes,
    }
    return User(**columns)  # type: ignore[arg-type]  # columns by name


def profile(user: User) -> Profile:
    """Return what others see of a user."""
    return Profile(id=user.id, username=user.username, display_name=user.display_name, avatar_url=user.avatar_url)


def identity(user: User) -> Identity:
    """Return both ids."""
    return Identity(user_id=user.id, auth_id=AuthId(user.auth_user_id or "none"))


class Scene:
    """Two people, the conversations between them, and a time of their own."""

    def __init__(self, seed: Seed) -> None:
        self.seed = seed
        self.store = seed.store
        self.start = some_time()
        # Before anything can expire, whether the tables count from now or from created_at.
        self.now = datetime(2020, 1, 1, tzinfo=UTC)
        self.ann, self.bob = person("Ann"), person("Bob", avatar_url="https://example.org/b.png")
        self.room = ConversationId("not yet")

    @property
    def viewer(self) -> Identity:
        """Return who looks at the pages."""
        return identity(self.ann)

    async def prepare(self, kind: str = "room") -> Scene:
        """Put them into the tables."""
        for user in (self.ann, self.bob):
            await self.seed.user(user)
        self.room = await self.conversation(kind)
        return self

    async def conversation(self, kind: str = "room") -> ConversationId:
        """Insert another conversation of the two."""
        made = await self.seed.conversation(kind)
        for user in (self.ann, self.bob):
            await self.seed.participant(made, user.id)
        return made

    def new(
        self,
        content: str = "hello",
        *,
        seconds: float = 0,
        sender: User | None = None,
        room: ConversationId | None = None,
        reply_to: MessageId | None = None,
        metadata: dict[str, object] | None = None,
    ) -> NewMessage:
        """Return a message so many seconds after the start."""
        created_at = self.start + timedelta(seconds=seconds)
        return NewMessage(
            id=new_message_id(created_at),
            conversation_id=room or self.room,
            sender_id=(sender or self.ann).id,
            reply_to_id=reply_to,
            message_type="text",
            content=content,
            metadata=metadata or {},
            created_at=created_at,
        )

    async def has(self, message: NewMessage, *, deleted: bool = False) -> NewMessage:
        """Insert a message as a legacy writer does."""
        await self.seed.message(message, deleted=deleted)
        return message

    async def page(self, *, before: Position | None = None, limit: int = 50) -> list[Message]:
        """Return a page of the room."""
        return list(await self.store.messages.page(self.room, self.viewer, before=before, limit=limit, now=self.now))


def place(message: NewMessage | Message) -> Position:
    """Return where a message stands."""
    return Position(message.created_at, message.id)
