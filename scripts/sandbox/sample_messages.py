"""What the sample people have written: ordinary talk, and everything that has ever broken a chat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from scripts.sandbox.cast import OPENED, fixed_id

TRIP_MESSAGES: Final = 120
SAME_MOMENT: Final = range(55, 62)  # of the trip's messages: seven rows with one created_at, across a page's end
ALICE_LEAVES_READ: Final = 100  # how many of the trip's messages alice has read

BUFFER_JSON: Final = '{"type":"Buffer","data":[]}'
HEX_LOOKALIKE: Final = r"\x4142"
BACKSLASHES: Final = r"C:\new\temp and a trailing \\"
EMOJI: Final = "Harvest! 🍅🥕 👩‍🌾 👍🏽 — żółć, 北京, مرحبا"
SECRET: Final = "my locker code is 4711"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleMessage:
    """One messages row; names instead of ids."""

    id: str
    conversation: str
    sender: str
    text: str
    sent_at: datetime
    reply_to: str | None = None
    kind: str = "text"
    metadata: Mapping[str, object] = field(default_factory=dict)
    edited: bool = False
    deleted: bool = False
    expired: bool = False


_TALK: Final = (
    "Shall we take the early train?",
    "Early is fine with me.",
    "I can bring the tent, it sleeps four.",
    "Who has a stove?",
    "I do, and a full bottle of gas.",
    "The forecast says sun until Sunday.",
    "Then rain. As always.",
    "Boots it is.",
    "Has anybody booked the hut?",
    "Not yet, I will call them tonight.",
)
_TRIP_PEOPLE: Final = ("alice", "bob", "carol")


def _trip() -> Iterator[SampleMessage]:
    for number in range(TRIP_MESSAGES):
        minute = SAME_MOMENT.start if number in SAME_MOMENT else number
        yield SampleMessage(
            id=fixed_id("e", 1000 + number),
            conversation="trip",
            sender=_TRIP_PEOPLE[number % len(_TRIP_PEOPLE)],
            text=f"{number + 1}. {_TALK[number % len(_TALK)]}",
            sent_at=OPENED + timedelta(days=1, minutes=7 * minute, microseconds=123456),
        )


def _said(number: int, conversation: str, sender: str, text: str) -> SampleMessage:
    return SampleMessage(
        id=fixed_id("e", number),
        conversation=conversation,
        sender=sender,
        text=text,
        sent_at=OPENED + timedelta(days=2, minutes=number),
    )


_NAMED: Final[Mapping[str, SampleMessage]] = {
    "hello": _said(1, "bob-carol", "bob", "Hi Carol, did the parcel arrive?"),
    "answer": replace(_said(2, "bob-carol", "carol", "This morning!"), reply_to="hello"),
    "thanks": _said(3, "bob-carol", "bob", "Great. Lunch tomorrow?"),
    "alice-asks": _said(4, "alice-bob", "alice", "Can you water the beds on Friday?"),
    "bob-agrees": replace(_said(5, "alice-bob", "bob", "Sure."), reply_to="alice-asks"),
    "dave-writes": _said(6, "bob-dave", "dave", "New phone, same number."),
    "frank-writes": _said(7, "alice-frank", "frank", "This one never stays long."),
    # Who is missing from a damaged conversation can only be told from what he wrote (data-model, section 6).
    "damaged-hello": _said(8, "damaged", "bob", "Carol? Are you there?"),
    "bob-was-here": _said(9, "book-club", "bob", "I am out, sorry. No time to read."),
    "after-bob-left": _said(10, "book-club", "carol", "Without Bob, then: Thursday at eight."),
    "welcome": _said(11, "general", "alice", "Welcome to the garden club!"),
    "backslashes": _said(12, "general", "bob", BACKSLASHES),
    "hex": _said(13, "general", "carol", HEX_LOOKALIKE),
    "emoji": _said(14, "general", "dave", EMOJI),
    "buffer": _said(15, "general", "bob", BUFFER_JSON),
    "metadata": replace(
        _said(16, "general", "carol", "The plan for the beds"),
        kind="file",
        metadata={"file": {"name": "beds.pdf", "size": 48213, "tags": ["plan", "2027"]}},
    ),
    "system": replace(_said(17, "general", "alice", "Dave Duarte was added to the conversation"), kind="system"),
    "deleted": replace(_said(18, "general", "bob", "wrong room, sorry"), deleted=True),
    "reply-to-deleted": replace(_said(19, "general", "carol", "Which room did you mean?"), reply_to="deleted"),
    "edited": replace(_said(20, "general", "alice", "Saturday at ten (not nine)"), edited=True),
    "expired": replace(_said(21, "general", "dave", "Back in five minutes"), expired=True),
    "secret": _said(22, "xavier-notes", "xavier", SECRET),
    # A reply across conversations: who shows what it answers shows Xavier's note to the garden club.
    "leak-bait": replace(_said(23, "general", "bob", "As somebody said:"), reply_to="secret"),
    "grace-leaves": _said(24, "general", "grace", "I am moving away. Take care!"),
    "tomatoes": _said(25, "seedlings", "carol", "The tomatoes are up.\nAll twelve!"),
}
MESSAGES: Final[Mapping[str, str]] = MappingProxyType({name: message.id for name, message in _NAMED.items()})


def sample_messages() -> list[SampleMessage]:
    """Return every row, each after the one it replies to."""
    return [*_NAMED.values(), *_trip()]
