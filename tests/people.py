"""The people of contract/README section 5, and ids to put into tables.

A: users.id = auth id. B, C: the ids differ, the normal case. D: no auth_user_id, known by phone only. E: a valid token
and no users row. F: like A. X: a stranger to the conversations of the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bridge.models import (
    AuthId,
    ConversationId,
    Identity,
    Message,
    MessageId,
    Participant,
    ParticipantId,
    Profile,
    User,
    UserId,
)

BIRTH = datetime(2026, 1, 1, tzinfo=UTC)
"""When FakeClock starts."""


def uuid_of(kind: int, number: int) -> str:
    """Return a uuid of version 4 that can be recognised in a failed assertion."""
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


def conversation_id(number: int) -> ConversationId:
    """Return the id of the test's conversation number so-and-so."""
    return ConversationId(uuid_of(0xC0, number))


def message_id(number: int) -> MessageId:
    """Return the id of a legacy message; a larger number is a larger id."""
    return MessageId(uuid_of(0xE0, number))


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a token, and with a users row unless it is E."""

    name: str
    auth_id: AuthId
    user_id: UserId
    is_linked: bool = True
    is_user: bool = True

    @property
    def phone(self) -> str:
        """Return the phone number as the users row has it."""
        return f"+4915100000{ord(self.name):03d}"

    @property
    def user(self) -> User:
        """Return the users row."""
        return User(
            id=self.user_id,
            auth_user_id=self.auth_id if self.is_linked else None,
            username=self.name.lower(),
            display_name=f"Person {self.name}",
            phone_number=self.phone,
            avatar_url=None,
        )

    @property
    def profile(self) -> Profile:
        """Return what others see of this person."""
        return Profile(id=self.user_id, username=self.name.lower(), display_name=f"Person {self.name}", avatar_url=None)

    @property
    def identity(self) -> Identity:
        """Return both ids."""
        return Identity(user_id=self.user_id, auth_id=self.auth_id)


def _person(name: str, *, same_ids: bool = False, is_linked: bool = True, is_user: bool = True) -> Person:
    user_id = UserId(uuid_of(0xA0, ord(name)))
    auth_id = AuthId(user_id if same_ids else uuid_of(0xAA, ord(name)))
    return Person(name=name, auth_id=auth_id, user_id=user_id, is_linked=is_linked, is_user=is_user)


A = _person("A", same_ids=True)
B = _person("B")
C = _person("C")
D = _person("D", is_linked=False)
E = _person("E", is_user=False)
F = _person("F", same_ids=True)
X = _person("X")
EVERY_KIND = (A, B, D)
"""Whom "each user kind" means."""
USERS = (A, B, C, D, F, X)

ROOM = conversation_id(1)
"""A, B, C and D are in it."""
OTHER_ROOM = conversation_id(2)
"""C and X are in it."""


def participant(person: Person, conversation: ConversationId = ROOM, *, left: bool = False) -> Participant:
    """Return the row that makes a person a member, or says that it has left."""
    return Participant(
        id=ParticipantId(f"{conversation}/{person.user_id}/0"),
        conversation_id=conversation,
        user_id=person.user_id,
        left_at=BIRTH if left else None,
        role="member",
    )


def message(
    number: int,
    sender: Person = B,
    *,
    conversation: ConversationId = ROOM,
    content: str | None = None,
    reply_to: MessageId | None = None,
    at: datetime | None = None,
) -> Message:
    """Return a legacy writer's message, dated so many seconds after BIRTH as its number says."""
    return Message(
        id=message_id(number),
        conversation_id=conversation,
        sender_id=sender.user_id,
        reply_to_id=reply_to,
        message_type="text",
        content=f"legacy {number}" if content is None else content,
        content_hash=None,
        metadata={},
        edited_at=None,
        deleted_at=None,
        created_at=at or BIRTH + timedelta(seconds=number),
        expires_at=None,
    )
