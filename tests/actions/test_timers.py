"""Timers of conversations and of participants (contract legacy-rest section 3.7)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.actions.timers import (
    DAYS_INVALID,
    ENABLED_INVALID,
    NO_OWN_TIMERS,
    SECONDS_INVALID,
    START_INVALID,
    WRITE_FAILED,
)
from bridge.errors import ACCESS_DENIED, CONVERSATION_ID_REQUIRED, Fault
from bridge.models import LARGEST_INTEGER, MOST_DAYS, ParticipantId
from tests.actions.performing import perform, refusal
from tests.parts import Parts
from tests.people import BIRTH, EVERY_KIND, OTHER_ROOM, ROOM, B, C, Person

LOAD, SET, SET_OWN = "load_conversation_timer", "set_conversation_timer", "set_own_timer"
NEVER = {"disappearSeconds": 0, "startOn": None, "enabled": False}


def with_own_timers() -> Parts:
    """Return a world whose participants have timers."""
    parts = Parts()
    parts.tables.has_own_timers = True
    return parts


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_any_member_sets_the_conversations_timer(person: Person) -> None:
    """Everybody reads the same; without days there are none, 0 days are never."""
    parts = Parts()
    never = {"conversationId": ROOM, "enabled": False, "durationDays": None}
    assert await perform(parts, C, LOAD, conversationId=ROOM) == {**never, "own": None}
    for days in (7, 0, MOST_DAYS):
        written = {"conversationId": ROOM, "enabled": True, "durationDays": days}
        assert (
            await perform(parts, person, SET, conversationId=ROOM.upper(), enabled=True, durationDays=days) == written
        )
        assert await perform(parts, C, LOAD, conversationId=ROOM) == {**written, "own": None}
    assert await perform(parts, person, SET, conversationId=ROOM, enabled=False, durationDays=-5) == never
    assert await perform(parts, C, LOAD, conversationId=ROOM) == {**never, "own": None}


async def test_more_days_than_can_be_counted_are_the_most() -> None:
    """A database refuses every message whose end is a date that it does not have: one member would stop them all."""
    parts = Parts()
    for days in (MOST_DAYS + 1, LARGEST_INTEGER, LARGEST_INTEGER + 1, 10**30):
        written = {"conversationId": ROOM, "enabled": True, "durationDays": MOST_DAYS}
        assert await perform(parts, C, SET, conversationId=ROOM, enabled=True, durationDays=days) == written
        assert (await perform(parts, B, LOAD, conversationId=ROOM))["durationDays"] == MOST_DAYS


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_a_participants_own_timer_is_its_own(person: Person) -> None:
    """Nobody else's changes, and the conversation's does not."""
    parts = with_own_timers()
    await perform(parts, C, SET, conversationId=ROOM, enabled=True, durationDays=3)
    for seconds, start_on in ((60, "read"), (LARGEST_INTEGER, "delivered"), (0, None)):
        own = {"disappearSeconds": seconds, "startOn": start_on, "enabled": seconds > 0}
        asked = {"conversationId": ROOM, "disappearSeconds": seconds, "startOn": start_on}
        assert await perform(parts, person, SET_OWN, **asked) == {"conversationId": ROOM, "own": own}
        loaded = await perform(parts, person, LOAD, conversationId=ROOM)
        assert loaded == {"conversationId": ROOM, "enabled": True, "durationDays": 3, "own": own}
        assert (await perform(parts, C, LOAD, conversationId=ROOM))["own"] == NEVER


@pytest.mark.parametrize(
    ("name", "payload", "fault"),
    [
        (SET, {"enabled": True}, DAYS_INVALID),
        (SET, {"enabled": True, "durationDays": None}, DAYS_INVALID),
        (SET, {"enabled": True, "durationDays": -1}, DAYS_INVALID),
        (SET, {"enabled": True, "durationDays": 1.5}, DAYS_INVALID),
        (SET, {"enabled": True, "durationDays": "many"}, DAYS_INVALID),
        (SET, {"enabled": "perhaps"}, ENABLED_INVALID),
        (SET, {}, ENABLED_INVALID),
        (SET_OWN, {"disappearSeconds": -1}, SECONDS_INVALID),
        (SET_OWN, {"disappearSeconds": LARGEST_INTEGER + 1}, SECONDS_INVALID),
        (SET_OWN, {"disappearSeconds": 1, "startOn": "sent"}, START_INVALID),
        (SET_OWN, {}, SECONDS_INVALID),
    ],
    ids=str,
)
@pytest.mark.parametrize("conversation", [ROOM, OTHER_ROOM], ids=["own", "foreign"])
async def test_unusable_values_are_refused_first(
    name: str, payload: dict[str, Any], fault: Fault, conversation: str
) -> None:
    """Before anybody looks at the membership, as the old endpoint did (400 before 403)."""
    parts = with_own_timers()
    before = parts.tables.contents()
    assert await refusal(parts, B, name, conversationId=conversation, **payload) == fault
    assert parts.tables.contents() == before


@pytest.mark.parametrize("conversation", [OTHER_ROOM, "nonsense", "", str(uuid.UUID(int=9))])
@pytest.mark.parametrize(
    ("name", "payload"), [(LOAD, {}), (SET, {"enabled": False}), (SET_OWN, {"disappearSeconds": 5})]
)
async def test_others_neither_read_nor_set(name: str, payload: dict[str, Any], conversation: str) -> None:
    """Strangers and former members alike (contract F7, F8)."""
    parts = with_own_timers()
    assert await refusal(parts, B, name, conversationId=conversation, **payload) == ACCESS_DENIED
    row = ParticipantId(f"{ROOM}/{B.user_id}/0")
    parts.tables.rows[row] = replace(parts.tables.rows[row], left_at=BIRTH)
    assert await refusal(parts, B, name, conversationId=ROOM, **payload) == ACCESS_DENIED


async def test_no_id_is_another_matter() -> None:
    """Nothing is said of the membership."""
    assert await refusal(Parts(), B, LOAD) == CONVERSATION_ID_REQUIRED


async def test_where_participants_have_no_timers_none_is_set() -> None:
    """The client is told so."""
    assert await refusal(Parts(), B, SET_OWN, conversationId=ROOM, disappearSeconds=5) == NO_OWN_TIMERS


async def test_a_write_that_changed_nothing_is_no_success() -> None:
    """Conversation or membership ended since the membership was looked at (contract legacy-rest section 5)."""
    parts = with_own_timers()
    await perform(parts, B, LOAD, conversationId=ROOM)
    parts.tables.remove_conversation(ROOM)
    assert await refusal(parts, B, LOAD, conversationId=ROOM) == ACCESS_DENIED
    assert await refusal(parts, B, SET, conversationId=ROOM, enabled=False) == WRITE_FAILED
    assert await refusal(parts, B, SET_OWN, conversationId=ROOM, disappearSeconds=5) == WRITE_FAILED
