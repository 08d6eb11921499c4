"""Only active members get in; everybody else hears the same (contract F1, F7, F8, F9)."""

from __future__ import annotations

import pytest

from bridge.actions.authorise import require_member
from bridge.errors import ACCESS_DENIED, ActionError, StoreDown
from bridge.events import MessageSent
from bridge.members import MAX_AGE_WHILE_DEAF_SECONDS, REFRESH_AT_MOST_EVERY_SECONDS
from bridge.models import UserId
from tests.parts import Parts
from tests.people import BIRTH, EVERY_KIND, ROOM, A, B, C, D, Person, X, conversation_id, message, participant
from tests.receivers import Receiver

UNKNOWN = conversation_id(99)


async def denied(parts: Parts, person: Person, conversation: str) -> None:
    """See that somebody is refused."""
    with pytest.raises(ActionError) as caught:
        await require_member(conversation, parts.caller(person), parts.context)
    assert caught.value.fault is ACCESS_DENIED


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_a_member_gets_in(person: Person) -> None:
    """Of every kind; and learns who the members are."""
    parts = Parts()
    conversation, members = await require_member(ROOM, parts.caller(person), parts.context)
    assert conversation == ROOM
    assert members == {A.user_id, B.user_id, C.user_id, D.user_id}


async def test_a_row_with_the_auth_id_makes_a_member_too() -> None:
    """Some participant rows hold it (contract data-model section 6, rule 3)."""
    parts = Parts()
    parts.tables.add_participant(UNKNOWN, UserId(B.auth_id))
    await require_member(UNKNOWN, parts.caller(B), parts.context)


async def test_an_id_in_upper_case_is_the_same_conversation() -> None:
    """It is answered, and asked for, in lower case."""
    parts = Parts()
    conversation, _ = await require_member(ROOM.upper(), parts.caller(B), parts.context)
    assert conversation == ROOM


@pytest.mark.parametrize("conversation", [ROOM, UNKNOWN, "", "x", f"{ROOM} ", f"{{{ROOM}}}", ROOM.replace("-", "")])
async def test_a_stranger_cannot_tell_what_exists(conversation: str) -> None:
    """Foreign, unknown and malformed ids are refused alike."""
    await denied(Parts(), X, conversation)


async def test_a_malformed_id_never_reaches_the_tables() -> None:
    """Where it might be read as a filter."""
    parts = Parts()
    await denied(parts, B, f"{ROOM}),or(id.neq.0")
    assert parts.tables.asked == []


async def test_who_left_is_a_stranger() -> None:
    """At once when the feed tells, and by asking when it does not; who comes back is a member."""
    parts = Parts()
    parts.context.members.hear(hearing=True)
    await require_member(ROOM, parts.caller(B), parts.context)
    gone = participant(B, left=True)
    parts.tables.rows[gone.id] = gone
    parts.context.members.changed(gone)
    await denied(parts, B, ROOM)
    back = participant(B)
    parts.tables.rows[back.id] = back
    parts.context.members.changed(back)
    await require_member(ROOM, parts.caller(B), parts.context)


async def test_who_was_just_added_gets_in_before_the_feed_tells() -> None:
    """What is known says no, so the tables are asked again."""
    parts = Parts()
    parts.context.members.hear(hearing=True)
    await denied(parts, X, ROOM)
    parts.tables.add_participant(ROOM, X.user_id)
    parts.clock.advance(REFRESH_AT_MOST_EVERY_SECONDS)
    await require_member(ROOM, parts.caller(X), parts.context)


async def test_a_known_member_costs_no_question() -> None:
    """A send is one round trip: the write."""
    parts = Parts()
    for _ in range(3):
        await require_member(ROOM, parts.caller(B), parts.context)
    assert parts.tables.asked == ["conversations.participants"]


async def test_a_known_conversation_costs_a_stranger_one_question() -> None:
    """However often he tries within a second."""
    parts = Parts()
    for _ in range(5):
        await denied(parts, X, ROOM)
    assert parts.tables.asked == ["conversations.participants"]


async def test_an_unknown_conversation_costs_one_question() -> None:
    """Whoever guesses ids must not make us ask twice for each."""
    parts = Parts()
    await denied(parts, X, UNKNOWN)
    assert parts.tables.asked == ["conversations.participants"]


async def test_tables_that_do_not_answer_deny_nobody() -> None:
    """A member is not told that it was thrown out."""
    parts = Parts()
    parts.door.failing["conversations.participants"] = StoreDown()
    with pytest.raises(StoreDown):
        await require_member(ROOM, parts.caller(B), parts.context)


async def test_who_was_refused_gets_nothing_of_what_was_begun_before() -> None:
    """The feed has not told of the removal; a message stands in line behind a slow one (contract F8)."""
    parts = Parts()
    parts.context.members.hear(hearing=True)
    hub, b, c = parts.context.hub, Receiver(B), Receiver(C)
    hub.attach(b)
    hub.attach(c)
    _, members = await require_member(ROOM, parts.caller(A), parts.context)
    slow = hub.reserve(ROOM, "slow", BIRTH)
    quick = hub.reserve(ROOM, "quick", BIRTH)
    quick.settle(MessageSent(message=message(2, A)), members)
    gone = participant(C, left=True)
    parts.tables.rows[gone.id] = gone
    parts.clock.advance(REFRESH_AT_MOST_EVERY_SECONDS)
    await parts.context.members.refreshed(ROOM)
    await denied(parts, C, ROOM)
    hub.readmit_all()  # the feed is back, and nobody knows who is
    slow.settle(MessageSent(message=message(1, A)), members)
    assert (b.contents, c.contents) == (["legacy 1", "legacy 2"], [])


async def test_who_is_let_in_again_is_told_again() -> None:
    """Though the feed is deaf and tells of nobody's coming."""
    parts = Parts()
    c = Receiver(C)
    parts.context.hub.attach(c)
    row = participant(C)
    parts.tables.rows[row.id] = participant(C, left=True)
    await require_member(ROOM, parts.caller(A), parts.context)
    await denied(parts, C, ROOM)
    parts.tables.rows[row.id] = row
    parts.clock.advance(MAX_AGE_WHILE_DEAF_SECONDS + 1)
    _, members = await require_member(ROOM, parts.caller(C), parts.context)
    parts.context.hub.publish(MessageSent(message=message(1, A)), members)
    assert c.contents == ["legacy 1"]
