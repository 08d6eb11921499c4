"""With the change log everything is told that happened, whatever the feed lost; without it all is as before."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.errors import StoreDown, StoreRefused
from bridge.feed.changes import MessageInserted, ReceiptWritten
from bridge.feed.signals import Live, Lost
from bridge.relay.change_log import PAGE
from bridge.store.memory.tables import conversation_of
from tests.logging_relay import DELETE, INSERT, LONG_AGO, NEW, TRUNCATE, UPDATE, Setting, told
from tests.parts import OVERLAP
from tests.people import OTHER_ROOM, ROOM, A, B, C, X, message, message_id


async def test_a_message_dated_long_ago_is_told() -> None:
    """Its writer's clock may show any time; no question by time finds it."""
    s = await Setting().live()
    s.write(message(1, at=LONG_AGO))
    await s.relay.catch_up()
    assert s.a.contents == s.b.contents == ["legacy 1"]


async def test_what_was_told_is_not_read_again() -> None:
    """The feed was quicker, or the tables."""
    s = await Setting().live()
    await s.relay.handle(MessageInserted(s.write(message(1))))
    await s.relay.catch_up()
    assert s.store.asked("messages.by_ids") == 0
    assert s.a.contents == ["legacy 1"]


async def test_a_deletion_in_a_gap_is_told_though_nobody_remembers_the_message() -> None:
    """The log says where it was."""
    s = Setting()
    row = s.legacy_insert(message(1, at=LONG_AGO))
    await s.live()
    await s.relay.handle(Lost("closed"))
    s.delete(row)
    await s.relay.handle(Live())
    assert told(s.b) == [("message_deleted", row.id)]
    assert s.x.told == []


async def test_an_edit_of_an_old_message_in_a_gap_is_told() -> None:
    """Whatever the time of editing says."""
    s = Setting()
    row = s.legacy_insert(message(1, at=LONG_AGO))
    await s.live()
    await s.relay.handle(Lost("closed"))
    s.write(replace(row, content="second", edited_at=LONG_AGO), UPDATE)
    await s.relay.handle(Live())
    assert told(s.b) == [("message_updated", "second")]


async def test_the_last_thing_that_was_done_to_a_message_counts() -> None:
    """Written and edited: told as it is now; written and deleted: not at all."""
    s = await Setting().live()
    first, second = message(1, at=LONG_AGO), message(2, at=LONG_AGO)
    s.write(first)
    s.write(second)
    s.write(replace(first, content="edited"), UPDATE)
    s.delete(second)
    await s.relay.catch_up()
    assert ("message_received", "edited") in told(s.b)
    assert "legacy 2" not in [subject for _, subject in told(s.b)]


async def test_edits_that_nobody_asked_for_are_not_read() -> None:
    """X is in the other room alone with C, whose client is not here."""
    s = await Setting().live()
    s.context.hub.detach(s.x)
    s.write(message(1, C, conversation=OTHER_ROOM, at=LONG_AGO), UPDATE)
    await s.relay.catch_up()
    assert s.store.asked("messages.by_ids") == 0


@pytest.mark.parametrize("deleted", [False, True])
async def test_who_left_in_a_gap_hears_nothing_more_and_is_told_so(*, deleted: bool) -> None:
    """By left_at or by a deleted row; the others hear of it."""
    s = await Setting().live()
    s.leave(B, deleted=deleted)
    s.write(message(1, A, at=LONG_AGO))
    await s.relay.catch_up()
    assert told(s.b) == [("conversation_removed", None)]
    assert told(s.a) == [("member_removed", B.user_id), ("message_received", "legacy 1")]


async def test_who_came_in_a_gap_is_told_of_the_conversation_before_its_messages() -> None:
    """And the others who came."""
    s = await Setting().live()
    s.write(message(1, at=LONG_AGO))
    s.enter(X)
    await s.relay.catch_up()
    assert told(s.x) == [("conversation_added", None), ("member_added", X.user_id), ("message_received", "legacy 1")]


async def test_who_came_and_went_is_as_now() -> None:
    """Entries are out of date by the time that they are read."""
    s = await Setting().live()
    s.leave(B)
    s.enter(B)
    await s.relay.catch_up()
    assert ("conversation_removed", None) not in told(s.b)


async def test_conversations_made_changed_and_deleted_in_a_gap_are_told() -> None:
    """As the feed would have told them."""
    s = await Setting().live()
    s.tables.add_conversation(conversation_of(NEW, "group", name="Trip"))
    s.record("conversations", INSERT, NEW, room=NEW)
    s.enter(A, NEW)
    s.enter(B, NEW)
    await s.relay.catch_up()
    assert told(s.a)[0] == ("conversation_added", None)
    s.tables.add_conversation(conversation_of(NEW, "group", name="Journey"))
    s.record("conversations", UPDATE, NEW, room=NEW)
    await s.relay.catch_up()
    assert s.a.told[-1][0] == "conversation_changed"
    assert s.a.told[-1][1]["conversation"]["name"] == "Journey"
    del s.tables.conversation_rows[NEW]
    for person in (A, B):
        s.leave(person, NEW, deleted=True)
    s.record("conversations", DELETE, NEW, room=NEW)
    await s.relay.catch_up()
    assert told(s.a)[-1] == ("conversation_removed", None)


async def test_receipts_written_in_a_gap_are_told_once() -> None:
    """A legacy client's, or those of another bridge."""
    s = Setting()
    row = s.legacy_insert(message(1, A, at=LONG_AGO))
    await s.live()
    s.record("message_status", INSERT, row.id, user=B.user_id)
    await s.relay.catch_up()
    await s.relay.handle(ReceiptWritten(message_id=row.id, user_id=B.user_id, status="read"))
    assert [name for name, _ in s.a.told] == ["messages_read"]


async def test_a_long_log_is_read_page_by_page() -> None:
    """To its end."""
    s = await Setting().live()
    for number in range(PAGE + 1):
        s.record("messages", DELETE, message_id(number), room=ROOM)
    await s.relay.catch_up()
    assert s.store.asked("change_log.read") == 2
    assert len(s.a.told) == PAGE + 1


async def test_with_a_log_the_tables_are_not_looked_through_for_changes() -> None:
    """That is for databases without one; the first time the log is not known to hold everything either."""
    s = await Setting().live()
    await s.relay.handle(Lost("closed"))
    await s.relay.handle(Live())
    assert s.store.asked("messages.changed_since") == 0
    assert s.store.asked("messages.positions_since") > 0


async def test_after_a_gap_in_the_log_the_tables_are_looked_through_for_a_while() -> None:
    """What could not be recorded may be committed later than that was noticed."""
    s = await Setting().live()
    s.write(message(1, at=LONG_AGO))
    s.tables.pruned = 1
    row = s.legacy_insert(message(2))
    s.legacy_insert(replace(row, deleted_at=s.clock.now()))
    await s.relay.catch_up()
    assert told(s.b) == [("message_deleted", row.id)]
    s.clock.advance(OVERLAP.total_seconds())
    await s.relay.catch_up()
    s.clock.advance(1)
    s.tables.asked.clear()
    await s.relay.catch_up()
    assert s.store.asked("messages.changed_since") == 0


async def test_a_truncated_table_is_a_reason_for_doubt() -> None:
    """Nobody knows which rows there were; who is a member is asked anew."""
    s = await Setting().live()
    await s.context.members.of(ROOM)
    s.tables.rows.clear()
    s.record("conversation_participants", TRUNCATE)
    await s.relay.catch_up()
    assert await s.context.members.of(ROOM) == frozenset()


async def test_a_page_that_could_not_be_told_is_read_again() -> None:
    """What of it was told is not told twice."""
    s = await Setting().live()
    s.enter(X)
    s.write(message(1, at=LONG_AGO))
    s.door.fail_next("messages.by_ids", StoreDown("no answer"))
    with pytest.raises(StoreDown):
        await s.relay.catch_up()
    await s.relay.catch_up()
    assert [name for name, _ in s.x.told] == ["conversation_added", "member_added", "message_received"]


async def test_a_log_that_cannot_be_read_keeps_nothing_from_being_told() -> None:
    """The tables are looked through; later the log is read on from where it was."""
    s = await Setting().live()
    row = s.legacy_insert(message(1, at=LONG_AGO))
    s.delete(row)
    await s.relay.handle(Lost("closed"))
    s.legacy_insert(message(2))
    s.door.fail_next("change_log.read", StoreRefused("57P01"))
    with capture_logs() as lines:
        await s.relay.handle(Live())
    assert "relay.change_log_unread" in [line["event"] for line in lines]
    assert told(s.b) == [("message_received", "legacy 2")]
    assert s.store.asked("messages.changed_since") == 1
    await s.relay.catch_up()
    assert told(s.b)[1:] == [("message_deleted", row.id)]


async def test_a_log_that_comes_and_goes_is_noticed() -> None:
    """Each once; without it the tables are looked through after a gap, as ever."""
    s = Setting()
    s.tables.recorded = None
    with capture_logs() as lines:
        await s.live()
        s.tables.recorded = []
        await s.relay.catch_up()
        await s.relay.catch_up()
        s.tables.recorded = None
        await s.relay.catch_up()
        await s.relay.catch_up()
    assert [line["event"] for line in lines if "change_log" in line["event"]] == [
        "relay.change_log_read",
        "relay.change_log_gone",
    ]
    s.tables.asked.clear()
    await s.relay.handle(Live())
    assert s.store.asked("messages.changed_since") == 1
