"""A client that comes back is told what it missed: all of it in order, or nothing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bridge.errors import StoreDown
from bridge.feed.changes import MessageWritten, ParticipantChanged
from bridge.feed.signals import Live, Lost
from bridge.resuming import MAX_CHARACTERS, MAX_ENTRIES
from tests.coming_back import back, last_cursor, old_world, say
from tests.parts import LEEWAY_SECONDS
from tests.people import OTHER_ROOM, ROOM, B, C, X, message, participant


async def test_what_was_missed_is_told_in_order_and_then_live() -> None:
    """From the last push that the client got, with nothing twice and nothing between."""
    async with old_world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        await say(b, "1", "2")
        assert await c.received() == ["1", "2"]
        cursor = last_cursor(c)
        c.vanish()
        await say(b, "3", "4")
        again, welcome = await back(w, C, cursor)
        await say(b, "5")
        assert (welcome.payload["resumed"], await again.received()) == (True, ["3", "4", "5"])
        assert [frame.type for frame in again.frames][:2] == ["auth_success", "message_received"]


async def test_a_cursor_of_the_welcome_is_as_good() -> None:
    """For a client that got no push; and it can come back again and again."""
    async with old_world() as w:
        b = await w.signed_in(B)
        first, welcome = await back(w, C, None)
        cursor = str(welcome.payload["cursor"])
        first.vanish()
        await say(b, "1")
        for _ in range(2):
            again, welcome = await back(w, C, cursor)
            assert (welcome.payload["resumed"], await again.received()) == (True, ["1"])
            assert welcome.payload["cursor"] == cursor
            again.vanish()


async def test_a_repeated_push_keeps_its_request_id() -> None:
    """So the cursor that goes with it is the same."""
    async with old_world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        start = str((await back(w, C, None))[1].payload["cursor"])
        await say(b, "1")
        await c.received()
        again, _ = await back(w, C, start)
        await again.received()
        assert last_cursor(again) == last_cursor(c)


async def test_nothing_missed_is_resumed_too() -> None:
    """At once."""
    async with old_world() as w:
        _, welcome = await back(w, C, None)
        again, resumed = await back(w, C, str(welcome.payload["cursor"]))
        assert (resumed.payload["resumed"], await again.received()) == (True, [])


@pytest.mark.parametrize(
    "cursor", ["3f0c1f6e-2b57-4c8e-9d0a-7c5d1e8b4a21", "nonsense", "00000000-0000-8000-8000-000000000000", ""]
)
async def test_a_cursor_that_is_not_known_resumes_nothing(cursor: str) -> None:
    """And says so: the client loads anew."""
    async with old_world() as w:
        b = await w.signed_in(B)
        await say(b, "1")
        again, welcome = await back(w, C, cursor)
        assert (welcome.payload["resumed"], await again.received()) == (False, [])
        assert welcome.payload["cursor"] != cursor


async def test_too_much_resumes_nothing() -> None:
    """It is quicker loaded."""
    async with old_world() as w:
        b = await w.signed_in(B)
        start = str((await back(w, C, None))[1].payload["cursor"])
        for number in range(MAX_ENTRIES):
            await say(b, str(number))
        assert (await back(w, C, start))[1].payload["resumed"] is True
        await say(b, "one more")
        again, welcome = await back(w, C, start)
        assert (welcome.payload["resumed"], await again.received()) == (False, [])


async def test_too_long_messages_resume_nothing() -> None:
    """They would fill the outbox."""
    async with old_world() as w:
        b = await w.signed_in(B)
        start = str((await back(w, C, None))[1].payload["cursor"])
        for _ in range(5):
            await say(b, "x" * (MAX_CHARACTERS // 5 + 1))
        assert (await back(w, C, start))[1].payload["resumed"] is False


async def test_who_was_removed_is_told_nothing_of_it() -> None:
    """Though it was a member when it was said (contract F8); what is elsewhere it is told."""
    async with old_world() as w:
        await w.relay.handle(Live())
        b, x = await w.signed_in(B), await w.signed_in(X)
        start = str((await back(w, C, None))[1].payload["cursor"])
        await say(b, "in the room")
        await x.ask("send_message", conversationId=OTHER_ROOM, content="elsewhere")
        gone = participant(C, left=True)
        w.tables.rows[gone.id] = gone
        await w.relay.handle(ParticipantChanged(gone))
        again, welcome = await back(w, C, start)
        assert (welcome.payload["resumed"], await again.received()) == (True, ["elsewhere"])


async def test_the_removal_itself_is_told() -> None:
    """To a client that asked for it."""
    async with old_world() as w:
        await w.relay.handle(Live())
        first, welcome = await back(w, C, None, "conversations")
        first.vanish()
        listener, _ = await back(w, C, None, "conversations")
        gone = participant(C, left=True)
        w.tables.rows[gone.id] = gone
        await w.relay.handle(ParticipantChanged(gone))
        again, _ = await back(w, C, str(welcome.payload["cursor"]), "conversations")
        await again.ask("ping")
        assert [frame.payload for frame in again.frames if frame.type == "conversation_removed"] == [
            {"conversationId": ROOM}
        ]
        assert listener.frames


async def test_what_nobody_here_asked_for_is_told_to_who_comes_back() -> None:
    """Edits and new conversations are looked at only for those who want to know: who has just left still does."""
    async with old_world() as w:
        await w.relay.handle(Live())
        w.legacy_insert(message(1, C))
        start = str((await back(w, B, None, "message_changes", "conversations"))[1].payload["cursor"])
        first, _ = await back(w, B, start, "message_changes", "conversations")
        first.vanish()
        w.clock.advance(60)
        edited = replace(message(1, C), content="edited", edited_at=w.clock.now())
        w.tables.messages_by_id[edited.id] = edited
        written = MessageWritten(
            id=edited.id, conversation_id=edited.conversation_id, created_at=edited.created_at, deleted_at=None
        )
        await w.relay.handle(written)
        come = participant(B, OTHER_ROOM)
        w.tables.rows[come.id] = come
        await w.relay.handle(ParticipantChanged(come))
        again, welcome = await back(w, B, start, "message_changes", "conversations")
        await again.ask("ping")
        assert welcome.payload["resumed"] is True
        told = [frame.type for frame in again.frames]
        assert told == ["auth_success", "message_updated", "conversation_added", "pong"]


async def test_what_was_deleted_meanwhile_is_not_told_any_more() -> None:
    """Neither to a client with a cursor nor to an old one; the deletion is, to who asked for it."""
    async with old_world() as w:
        await w.relay.handle(Live())
        b, old = await w.signed_in(B), await w.signed_in(C)
        start = str((await back(w, C, None))[1].payload["cursor"])
        old.vanish()
        await say(b, "regretted", "stays")
        row = w.stored()[0]
        w.tables.messages_by_id[row.id] = replace(row, deleted_at=w.clock.now())
        deleted = MessageWritten(
            id=row.id, conversation_id=row.conversation_id, created_at=row.created_at, deleted_at=w.clock.now()
        )
        await w.relay.handle(deleted)
        for again in (await w.signed_in(C), (await back(w, C, start))[0]):
            assert await again.received() == ["stays"]


async def test_what_was_deleted_and_restored_meanwhile_is_told() -> None:
    """It is there, as for everybody who was here all the time."""
    async with old_world() as w:
        await w.relay.handle(Live())
        b = await w.signed_in(B)
        first, welcome = await back(w, C, None)
        first.vanish()
        await say(b, "1")
        (row,) = w.stored()
        for deleted_at in (w.clock.now(), None):
            w.tables.messages_by_id[row.id] = replace(row, deleted_at=deleted_at)
            written = MessageWritten(
                id=row.id, conversation_id=row.conversation_id, created_at=row.created_at, deleted_at=deleted_at
            )
            await w.relay.handle(written)
        again, _ = await back(w, C, str(welcome.payload["cursor"]))
        assert await again.received() == ["1"]


async def test_a_gap_of_the_feed_resumes_nothing() -> None:
    """What became of lists meanwhile nobody knows; who is here loads anew when all is well again, and so do they."""
    async with old_world() as w:
        await w.relay.handle(Live())
        start = str((await back(w, C, None))[1].payload["cursor"])
        await w.relay.handle(Lost("a test"))
        assert (await back(w, C, start))[1].payload["resumed"] is True
        await w.relay.handle(Live())
        assert (await back(w, C, start))[1].payload["resumed"] is False
        after = str((await back(w, C, None))[1].payload["cursor"])
        assert (await back(w, C, after))[1].payload["resumed"] is True


async def test_a_gap_that_the_change_log_fills_is_none() -> None:
    """Then everything is told."""
    async with old_world() as w:
        w.tables.recorded = []
        await w.relay.handle(Live())
        start = str((await back(w, C, None))[1].payload["cursor"])
        await w.relay.handle(Lost("a test"))
        await w.relay.handle(Live())
        assert (await back(w, C, start))[1].payload["resumed"] is True


async def test_a_membership_that_cannot_be_read_resumes_nothing() -> None:
    """But the client is in."""
    async with old_world() as w:
        b = await w.signed_in(B)
        start = str((await back(w, C, None))[1].payload["cursor"])
        await say(b, "1")
        w.clock.advance(3600)
        w.door.failing["conversations.participants"] = StoreDown()
        again, welcome = await back(w, C, start)
        assert (welcome.type, welcome.payload["resumed"]) == ("auth_success", False)
        assert await again.received() == []


async def test_only_what_the_client_understands_is_told_again() -> None:
    """Receipts to a client that asked for them."""
    async with old_world() as w:
        b = await w.signed_in(B)
        start = str((await back(w, C, None))[1].payload["cursor"])
        w.legacy_insert(message(1, C))
        await b.ask("load_messages", conversationId=ROOM)
        for capabilities, told in (((), []), (("receipts",), ["messages_read"])):
            again, _ = await back(w, C, start, *capabilities)
            await again.ask("ping")
            assert [frame.type for frame in again.frames if frame.type not in {"auth_success", "pong"}] == told


async def test_a_client_that_can_show_a_cursor_and_shows_none_begins_anew() -> None:
    """Nothing is told that it did not ask for."""
    async with old_world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        c.vanish()
        await say(b, "1")
        again, welcome = await back(w, C, None)
        assert (welcome.payload["resumed"], await again.received()) == (False, [])


async def test_what_was_held_back_while_the_token_was_expired_follows_the_next_one() -> None:
    """On the same connection, in order, once (contract F13)."""
    async with old_world() as w:
        b = await w.signed_in(B)
        c = await w.signed_in(C, exp=int(w.clock.now().timestamp()) + 30)
        await say(b, "before")
        w.clock.advance(30 + LEEWAY_SECONDS + 1)
        await say(b, "held back", "this too")
        assert await c.received() == ["before"]
        await c.authenticate(C)
        await say(b, "after")
        assert await c.received() == ["before", "held back", "this too", "after"]


async def test_a_renewal_in_time_tells_nothing_again() -> None:
    """Nothing was held back."""
    async with old_world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        await say(b, "1")
        await c.authenticate(C)
        assert await c.received() == ["1"]
