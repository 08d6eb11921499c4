"""What others wrote reaches the members: enriched, authorised, once (signal by signal)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.capabilities import Capability
from bridge.errors import StoreDown
from bridge.events import MessageSent, message_key
from bridge.feed.changes import ParticipantChanged, ParticipantDeleted, PresenceWritten
from bridge.feed.signals import Lost, TableLive, TableLost
from bridge.members import REFRESH_AT_MOST_EVERY_SECONDS
from bridge.models import Presence, PresenceStatus, UserId
from tests.people import (
    BIRTH,
    OTHER_ROOM,
    ROOM,
    A,
    B,
    C,
    D,
    Person,
    X,
    conversation_id,
    message,
    message_id,
    participant,
)
from tests.receivers import Listener
from tests.relaying import Setting, shown


async def test_a_legacy_writers_message_reaches_every_member_and_nobody_else() -> None:
    """Joined or not (contract F28), with the sender that the row lacks (contract F32)."""
    s = await Setting().live()
    await s.told(message(1, B))
    assert s.a.frames == s.b.frames == s.c.frames
    assert shown(s.a)["sender"] == {"id": B.user_id, "username": "b", "display_name": "Person B", "avatar_url": None}
    assert "reply_to" not in shown(s.a)
    assert s.x.frames == []


async def test_a_repeated_change_is_told_once() -> None:
    """And costs no question."""
    s = await Setting().live()
    await s.told(message(1))
    s.tables.asked.clear()
    await s.told(message(1))
    assert s.a.contents == ["legacy 1"]
    assert s.tables.asked == []


async def test_a_strangers_message_reaches_nobody() -> None:
    """The app's policies let anybody insert anywhere (contract F7)."""
    s = await Setting().live()
    with capture_logs() as logs:
        await s.told(message(1, X))
    assert s.a.frames == []
    assert [(line["event"], line["message_id"], line["reason"]) for line in logs] == [
        ("relay.declined", message_id(1), "its sender is no member")
    ]
    assert s.relay.is_live


async def test_a_message_into_nowhere_reaches_nobody() -> None:
    """A conversation without participants."""
    s = await Setting().live()
    await s.told(message(1, X, conversation=conversation_id(99)))
    assert s.x.frames == []


async def test_who_left_neither_hears_nor_is_heard() -> None:
    """At once, by the feed's word (contract F8)."""
    s = await Setting().live()
    await s.told(message(1, A))
    await s.relay.handle(ParticipantChanged(participant(B, left=True)))
    await s.told(message(2, A))
    await s.told(message(3, B))
    assert s.b.contents == ["legacy 1"]
    assert s.a.contents == ["legacy 1", "legacy 2"]
    await s.relay.handle(ParticipantChanged(participant(B)))
    await s.told(message(4, B))
    assert s.b.contents == ["legacy 1", "legacy 4"]


async def test_who_was_removed_hears_no_more() -> None:
    """A deleted row is known by its key only."""
    s = await Setting().live()
    await s.told(message(1, A))
    del s.tables.rows[participant(B).id]
    await s.relay.handle(ParticipantDeleted(participant(B).id))
    await s.told(message(2, A))
    assert s.b.contents == ["legacy 1"]


async def test_a_new_member_hears_of_the_next_message() -> None:
    """Whether the conversation was known or not (contract F28)."""
    s = await Setting().live()
    await s.told(message(1, A))
    row = s.tables.add_participant(ROOM, X.user_id)
    await s.relay.handle(ParticipantChanged(row))
    await s.told(message(2, A))
    assert s.x.contents == ["legacy 2"]


async def test_a_new_members_first_message_is_delivered_though_its_joining_is_not_known() -> None:
    """What is known says no, so the tables are asked (its participant row was committed before)."""
    s = await Setting().live()
    await s.told(message(1, A))
    s.tables.add_participant(ROOM, X.user_id)
    s.clock.advance(REFRESH_AT_MOST_EVERY_SECONDS)
    await s.told(message(2, X))
    assert s.a.contents == ["legacy 1", "legacy 2"]


async def test_a_reply_shows_its_original() -> None:
    """Read once if it was not just shown."""
    s = await Setting().live()
    s.legacy_insert(message(1, A))
    await s.told(message(2, B, reply_to=message_id(1)))
    assert shown(s.a)["reply_to"] == {"id": message_id(1), "encrypted_content": "legacy 1", "sender_id": A.user_id}
    await s.told(message(3, B, reply_to=message_id(2)))
    assert s.store.asked("messages.quote") == 1


async def test_a_reply_across_conversations_shows_nothing_of_the_other() -> None:
    """The row says whose reply it is, and no more (contract F10)."""
    s = await Setting().live()
    s.legacy_insert(message(1, X, conversation=OTHER_ROOM, content="secret"))
    await s.told(message(2, B, reply_to=message_id(1)))
    assert shown(s.a)["reply_to_id"] == message_id(1)
    assert "reply_to" not in shown(s.a)
    assert "secret" not in s.a.frames[-1]


async def test_a_message_deleted_at_once_is_not_told() -> None:
    """Its row says so by the time we see it."""
    s = await Setting().live()
    await s.told(replace(message(1), deleted_at=BIRTH))
    assert s.a.frames == []


async def test_a_message_goes_out_without_its_sender_if_that_cannot_be_read() -> None:
    """Rather than not at all (contract F32)."""
    s = await Setting().live()
    s.door.failing["users.profiles"] = StoreDown()
    await s.told(message(1))
    assert shown(s.a)["sender"] is None


async def test_a_message_goes_out_without_its_original_if_that_cannot_be_read() -> None:
    """The next load shows it."""
    s = await Setting().live()
    s.legacy_insert(message(1, A))
    s.door.failing["messages.quote"] = StoreDown()
    with capture_logs() as logs:
        await s.told(message(2, B, reply_to=message_id(1)))
    assert "reply_to" not in shown(s.a)
    assert [line["event"] for line in logs] == ["relay.quote_unreadable"]


async def test_a_sender_listed_under_its_auth_id_is_a_member() -> None:
    """As damaged databases have it: the row's sender is the users.id, the participant the auth id."""
    s = await Setting().live()
    odd = conversation_id(9)
    for user_id in (A.user_id, UserId(B.auth_id)):
        s.tables.add_participant(odd, user_id)
    await s.told(message(1, A, conversation=odd))
    assert s.b.contents == ["legacy 1"]


@pytest.mark.parametrize("person", [A, B, C, D], ids=lambda person: person.name)
async def test_no_auth_id_is_told(person: Person) -> None:
    """Whoever writes (contract F1)."""
    s = await Setting().live()
    await s.told(message(1, person))
    assert shown(s.a)["sender_id"] == person.user_id
    assert s.a.frames[0].count(person.auth_id) == (2 if person is A else 0)


async def test_our_own_write_and_its_echo_are_one_message() -> None:
    """The echo waits while the write is on its way, and is dropped after it (contract F29)."""
    s = await Setting().live()
    reservation = s.context.hub.reserve(ROOM, message_key(message_id(1)), message(1).created_at)
    await s.told(message(1, B))
    assert s.a.frames == []
    reservation.settle(MessageSent(message=message(1, B)), frozenset({A.user_id}))
    await s.told(message(1, B))
    await s.relay.catch_up()
    assert s.a.contents == ["legacy 1"]


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_message_dated_by_a_wrong_clock_is_told(hours: int) -> None:
    """An hour behind or ahead (contract F25)."""
    s = await Setting().live()
    await s.told(message(1, at=BIRTH + timedelta(hours=hours)))
    assert s.a.contents == ["legacy 1"]


async def test_presence_is_heard_from_the_moment_its_table_is_live() -> None:
    """Until that table, or everything, is lost; each time anew its rows have to be looked at."""
    s = await Setting().live()
    presence = s.context.presence
    assert not presence.needs_stock
    await s.relay.handle(TableLive("message_status"))
    assert not presence.needs_stock
    for end in (TableLost("user_presence"), Lost("closed")):
        await s.relay.handle(TableLive("user_presence"))
        assert presence.needs_stock
        await s.relay.handle(end)
        assert not presence.needs_stock


async def test_a_presence_row_that_others_wrote_is_told() -> None:
    """To those who share a conversation with its user."""
    s = await Setting().live()
    carol = Listener(C, Capability.PRESENCE)
    s.context.hub.attach(carol)
    here = Presence(user_id=X.user_id, status=PresenceStatus.AWAY, last_seen=s.clock.now())
    await s.relay.handle(PresenceWritten(here))
    await s.presence.tell()
    assert [kind for kind, _ in carol.told] == ["presence_changed", "user_online"]
    assert s.a.frames == s.x.frames == []
