"""A crowd without a fault: people in pairs, groups and rooms, and what they said in the last 25 days."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from scripts.sandbox.crowd.ids import Fate
from scripts.sandbox.crowd.rows import (
    BUFFER,
    EXPIRES_AFTER,
    Person,
    Row,
    account_row,
    stored,
    stored_copy,
    user_row,
)
from scripts.sandbox.layout import Layout

TALK: Final = timedelta(days=25)
LAST_WORD: Final = timedelta(minutes=1)
ROOMS_PER_GROUP: Final = 4
HOT_SHARE: Final = 50
"""One conversation has one in so many of all messages."""
HOT: Final = 5
SEALED_EVERY: Final = 5
TEXTS: Final = (
    "see you at eight",
    "on my way ☺",
    "Grüße aus Köln",
    "did you read what she wrote about the garden?",
    "ok",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How large a crowd is."""

    users: int
    conversations: int
    messages: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A conversation and who is in it; the first member made it."""

    number: int
    id: str
    kind: str
    members: list[str]
    left: list[str]
    group: str | None = None
    is_private: bool = False


class Crowd:
    """Every table's rows, one after the other; nothing is kept."""

    def __init__(self, size: Size, fate: Fate, as_of: datetime, layout: Layout) -> None:
        self._size = size
        self._fate = fate
        self._as_of = as_of
        self._layout = layout
        self._opened = as_of - timedelta(days=300)
        self._people = [Person(fate.ident("user", n), fate.ident("account", n)) for n in range(size.users)]

    def rows(self) -> Mapping[str, Callable[[], Iterator[Row]]]:
        """Return what makes the rows of each table."""
        return {
            "auth.users": self._accounts,
            "users": self._users,
            "groups": self._groups,
            "group_members": self._group_members,
            "conversations": self._conversations,
            "conversation_participants": self._participants,
            "messages": self._messages,
            "message_status": self._receipts,
            "typing_indicators": self._typing,
            "user_presence": self._presence,
            "deliveries": self._deliveries,
            "message_recipients": self._copies,
        }

    def _accounts(self) -> Iterator[Row]:
        for number, person in enumerate(self._people):
            yield account_row(person.auth_id, _phone(number), self._opened)

    def _users(self) -> Iterator[Row]:
        for number, person in enumerate(self._people):
            yield user_row(person, number, _phone(number), self._opened + timedelta(seconds=number))

    def _groups(self) -> Iterator[Row]:
        for number in range(self._group_count):
            yield (self._group(number), f"group {number}", f"{number:08X}", self._seated(number)[0], self._opened)

    def _group_members(self) -> Iterator[Row]:
        for number in range(self._group_count):
            for place, member in enumerate(self._seated(number)):
                role = "member" if place else "owner"
                yield (self._fate.ident("group member", number, place), self._group(number), member, role, None)

    def _conversations(self) -> Iterator[Row]:
        for place in self._places():
            name = None if place.kind == "direct" else f"{place.kind} {place.number}"
            yield (place.id, place.kind, name, place.members[0], self._opened, place.group, place.is_private)

    def _participants(self) -> Iterator[Row]:
        yesterday = self._as_of - timedelta(days=1)
        for place in self._places():
            for order, member in enumerate((*place.members, *place.left)):
                role = "admin" if order == 0 and place.kind != "direct" else "member"
                left_at = yesterday if order >= len(place.members) else None
                seat = self._fate.ident("seat", place.number, order)
                yield (seat, place.id, member, role, self._opened, left_at)

    def _messages(self) -> Iterator[Row]:
        for place, number, at in self._said():
            before = self._fate.ident("message", place.number, number - 1) if number and number % 20 == 0 else None
            text = BUFFER if self._is_sealed(number) else f"{TEXTS[number % len(TEXTS)]} ({number})"
            yield (
                self._fate.ident("message", place.number, number),
                place.id,
                self._sender(place, number),
                before,
                stored(text, self._layout),
                at,
                at + EXPIRES_AFTER,
                None,
            )

    def _receipts(self) -> Iterator[Row]:
        for place, number, at in self._said():
            if number % 3 == 0:
                readers = [member for member in place.members if member != self._sender(place, number)]
                reader = readers[number % len(readers)]
                message = self._fate.ident("message", place.number, number)
                yield (self._fate.ident("receipt", place.number, number), message, reader, "read", at)

    def _typing(self) -> Iterator[Row]:
        for place in self._places():
            if place.number % 50 == 0:
                yield (self._fate.ident("typing", place.number), place.id, place.members[0], False, self._as_of)

    def _presence(self) -> Iterator[Row]:
        for person in self._people:
            yield (person.id, "offline", self._opened, self._opened)

    def _deliveries(self) -> Iterator[Row]:
        for place, number, at in self._said():
            if number % 10 == 0:
                for member in place.members:
                    if member != self._sender(place, number):
                        yield (self._fate.ident("message", place.number, number), member, at)

    def _copies(self) -> Iterator[Row]:
        for place, number, _ in self._said():
            if self._is_sealed(number):
                message = self._fate.ident("message", place.number, number)
                for order, member in enumerate(place.members):
                    copy = self._fate.ident("copy", place.number, number, order)
                    yield (copy, message, member, stored_copy(self._layout))

    def _said(self) -> Iterator[tuple[Place, int, datetime]]:
        """Yield conversation, number and time of every message; times in a conversation are all different."""
        hot = self._size.messages // HOT_SHARE
        each, more = divmod(self._size.messages - hot, self._size.conversations)
        for place in self._places():
            count = each + (place.number < more) + (hot if place.number == HOT else 0)
            step = TALK / max(1, count)
            last = self._as_of - LAST_WORD - timedelta(microseconds=self._fate.roll("late", place.number) % 1_000_000)
            for number in range(count):
                yield place, number, last - (count - 1 - number) * step

    def _sender(self, place: Place, number: int) -> str:
        return place.members[self._fate.roll("sender", place.number, number) % len(place.members)]

    def _is_sealed(self, number: int) -> bool:
        return self._layout.copies and number % SEALED_EVERY == SEALED_EVERY - 1

    def _places(self) -> Iterator[Place]:
        """Yield the conversations: of ten, five direct ones, three groups and two rooms."""
        directs = rooms = 0
        for number in range(self._size.conversations):
            kind = ("direct",) * 5 + ("group",) * 3 + ("room",) * 2
            ident = self._fate.ident("conversation", number)
            if kind[number % 10] == "direct":
                members = self._pair(directs)
                directs += 1
                yield Place(number=number, id=ident, kind="direct", members=members, left=[])
            elif kind[number % 10] == "group":
                *members, leaver = self._some("group", number, 4 + number % 4)
                left = [leaver] if number % 7 == 0 else []
                yield Place(number=number, id=ident, kind="group", members=members, left=left)
            else:
                yield self._room(number, ident, rooms)
                rooms += 1

    def _room(self, number: int, ident: str, room: int) -> Place:
        group, which = divmod(room, ROOMS_PER_GROUP)
        is_private = which == ROOMS_PER_GROUP - 1
        members = self._seated(group)[: 2 if is_private else None]
        group_id = self._group(group)
        return Place(
            number=number, id=ident, kind="room", members=members, left=[], group=group_id, is_private=is_private
        )

    @property
    def _group_count(self) -> int:
        rooms = sum(number % 10 >= 8 for number in range(self._size.conversations))
        return -(-rooms // ROOMS_PER_GROUP)

    def _group(self, number: int) -> str:
        return self._fate.ident("group", number)

    def _seated(self, group: int) -> list[str]:
        return self._some("members", group, 5 + group % 6)

    def _pair(self, direct: int) -> list[str]:
        """Return a pair that no other direct conversation has."""
        round_, first = divmod(direct, self._size.users)
        return [self._people[first].id, self._people[(first + 1 + round_) % self._size.users].id]

    def _some(self, kind: str, number: int, count: int) -> list[str]:
        first = self._fate.roll(kind, number)
        return [self._people[(first + 17 * step) % self._size.users].id for step in range(count)]


def _phone(number: int) -> str:
    return f"+4915{number:08d}"
