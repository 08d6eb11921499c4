"""The sample people, groups and conversations of a sandbox: who they are and who belongs where, with fixed ids.

Ids look like what legacy clients write (UUID version 4) and say what they are: the first block is a letter per kind:
a users.id, b auth id, c conversation, d group, e message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal

Kind = Literal["direct", "group", "room", "note_to_self"]
OPENED: Final = datetime.fromisoformat("2026-10-01T08:00:00+00:00")


def fixed_id(letter: str, number: int) -> str:
    """Return the same version 4 uuid every time."""
    return f"{letter * 8}-0000-4000-8000-{number:012d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with a users row, an auth account, or both.

    Attributes:
        user_id: users.id; None for an account without a users row.
        auth_id: the account's id, the `sub` of its tokens.
        linked: whether users.auth_user_id holds the auth id; otherwise only the phone number connects the two.
        email: None for an account that knows a phone number only.

    """

    name: str
    username: str
    display_name: str
    phone: str
    user_id: str | None
    auth_id: str | None
    email: str | None
    linked: bool = True
    bio: str | None = None
    retention_days: int = 30

    @property
    def auth_phone(self) -> str:
        """The number as the Auth server keeps it and puts it into tokens: without the leading +."""
        return self.phone.removeprefix("+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """A conversations row with its participants, by name; `left` ones have a left_at."""

    id: str
    kind: Kind
    members: tuple[str, ...]
    left: tuple[str, ...] = ()
    name: str | None = None
    created_by: str | None = None
    in_group: bool = False
    private: bool = False
    position: int = 0
    disappearing_days: int | None = None


def _person(number: int, name: str, display_name: str) -> Person:
    """Return a normal user: an account, and a users row with another id that is linked to it (B and C)."""
    return Person(
        name=name,
        username=name,
        display_name=display_name,
        phone=f"+120255501{number:02d}",
        user_id=fixed_id("a", number),
        auth_id=fixed_id("b", number),
        email=f"{name}@example.com",
    )


# The letters are those of contract/README, section 5.
_PEOPLE = (
    replace(_person(1, "alice", "Alice Archer"), user_id=fixed_id("b", 1), bio="Keeps the garden club together."),  # A
    _person(2, "bob", "Bob Baker"),  # B
    _person(3, "carol", "Carol Chen"),  # C
    replace(_person(4, "dave", "Dave Duarte"), linked=False, email=None),  # D: his phone is all that connects him
    replace(_person(5, "erin", "Erin Eklund"), user_id=None),  # E: an account without a users row
    replace(_person(6, "frank", "Frank Fischer"), user_id=fixed_id("b", 6), retention_days=0),  # F: like A
    _person(7, "grace", "Grace Gupta"),  # has left everything she was in
    replace(_person(8, "xavier", "Xavier Xenakis"), username="XavierX"),  # X: a stranger to everybody else's talk
)
PEOPLE: Final[Mapping[str, Person]] = MappingProxyType({person.name: person for person in _PEOPLE})

GROUP_ID: Final = fixed_id("d", 1)
GROUP_NAME: Final = "Garden Club"
INVITE_CODE: Final = "6A9DE201"
GROUP_ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {"alice": "owner", "bob": "admin", "carol": "member", "dave": "member", "grace": "member"}
)
GROUP_LEFT: Final = ("grace",)

_MADE: Final[Mapping[str, Conversation]] = {
    "bob-carol": Conversation(id=fixed_id("c", 1), kind="direct", members=("bob", "carol"), created_by="bob"),
    "alice-bob": Conversation(id=fixed_id("c", 2), kind="direct", members=("alice", "bob"), created_by="alice"),
    "bob-dave": Conversation(id=fixed_id("c", 3), kind="direct", members=("bob", "dave"), created_by="dave"),
    # Both ids of both are equal: the only direct conversation whose name the list function can find.
    "alice-frank": Conversation(
        id=fixed_id("c", 4), kind="direct", members=("alice", "frank"), created_by="frank", disappearing_days=7
    ),
    # Made by REST for bob: no creator, and only the other person (data-model, section 6).
    "damaged": Conversation(id=fixed_id("c", 5), kind="direct", members=("carol",)),
    # 120 messages: more than two pages.
    "trip": Conversation(
        id=fixed_id("c", 6),
        kind="group",
        name="Weekend trip",
        members=("alice", "bob", "carol"),
        left=("grace",),
        created_by="alice",
    ),
    # B left.
    "book-club": Conversation(
        id=fixed_id("c", 7),
        kind="group",
        name="Book club",
        members=("carol", "dave"),
        left=("bob",),
        created_by="carol",
    ),
    "general": Conversation(
        id=fixed_id("c", 8),
        kind="room",
        name="general",
        members=("alice", "bob", "carol", "dave"),
        left=("grace",),
        created_by="alice",
        in_group=True,
    ),
    "seedlings": Conversation(
        id=fixed_id("c", 9),
        kind="room",
        name="seedlings",
        members=("alice", "carol"),
        created_by="alice",
        in_group=True,
        position=1,
    ),
    "committee": Conversation(
        id=fixed_id("c", 10),
        kind="room",
        name="committee",
        members=("alice", "bob"),
        created_by="alice",
        in_group=True,
        private=True,
        position=2,
    ),
    "xavier-notes": Conversation(
        id=fixed_id("c", 11), kind="group", name="Xavier's notes", members=("xavier",), created_by="xavier"
    ),
}
MADE: Final[Mapping[str, Conversation]] = MappingProxyType(_MADE)
CONVERSATIONS: Final[Mapping[str, str]] = MappingProxyType({name: made.id for name, made in _MADE.items()})
# Where the schema has that type of conversation: DB-3.
NOTES: Final[Mapping[str, Conversation]] = MappingProxyType(
    {
        "carol-notes": Conversation(
            id=fixed_id("c", 12), kind="note_to_self", name="Notes", members=("carol",), created_by="carol"
        )
    }
)
