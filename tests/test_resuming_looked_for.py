"""Resumed is who is told all that it wants to know: what somebody looked for since its cursor."""

from __future__ import annotations

from msgspec.structs import replace

from bridge.feed.changes import MessageWritten
from bridge.history import MAX_AGE_SECONDS
from tests.coming_back import back, old_world
from tests.people import B, C, message, message_id
from tests.world import World


def edit(w: World, number: int) -> MessageWritten:
    """Let a legacy writer edit a message that is there, and return what the feed says."""
    edited = replace(w.tables.messages_by_id[message_id(number)], content="edited", edited_at=w.clock.now())
    w.tables.messages_by_id[edited.id] = edited
    return MessageWritten(
        id=edited.id, conversation_id=edited.conversation_id, created_at=edited.created_at, deleted_at=None
    )


async def test_what_nobody_looked_for_is_not_said_to_be_all() -> None:
    """Who was away for long is not waited for, however little was told meanwhile."""
    async with old_world() as w:
        w.legacy_insert(message(1, C))
        first, welcome = await back(w, B, None, "message_changes")
        plain, plainly = await back(w, C, None)
        first.vanish()
        plain.vanish()
        w.clock.advance(MAX_AGE_SECONDS + 1)
        await w.relay.handle(edit(w, 1))
        _, again = await back(w, B, str(welcome.payload["cursor"]), "message_changes")
        assert again.payload["resumed"] is False
        _, again = await back(w, C, str(plainly.payload["cursor"]))
        assert again.payload["resumed"] is True, "it is told of messages only, and these are always kept"


async def test_another_device_that_left_later_does_not_vouch_for_the_time_before_it_came() -> None:
    """Both are somebody's, but while neither was expected nobody looked."""
    async with old_world() as w:
        w.legacy_insert(message(1, C))
        first, welcome = await back(w, B, None, "message_changes")
        first.vanish()
        w.clock.advance(MAX_AGE_SECONDS + 1)
        await w.relay.handle(edit(w, 1))
        second, later = await back(w, B, None, "message_changes")
        third, _ = await back(w, B, None, "conversations")
        second.vanish()
        third.vanish()
        for cursor, is_known in ((welcome, False), (later, True)):
            _, again = await back(w, B, str(cursor.payload["cursor"]), "message_changes")
            assert again.payload["resumed"] is is_known


async def test_a_client_that_understands_more_than_before_begins_anew() -> None:
    """What it did not ask for was not looked for."""
    async with old_world() as w:
        w.legacy_insert(message(1, C))
        first, welcome = await back(w, B, None)
        await w.relay.handle(edit(w, 1))
        first.vanish()
        _, again = await back(w, B, str(welcome.payload["cursor"]), "message_changes")
        assert again.payload["resumed"] is False


async def test_a_connection_that_lasted_is_resumed_though_it_was_told_nothing_for_long() -> None:
    """All the time somebody was there for whom changes were looked for."""
    async with old_world() as w:
        w.legacy_insert(message(1, C))
        start = str((await back(w, B, None, "message_changes"))[1].payload["cursor"])
        w.clock.advance(MAX_AGE_SECONDS + 1)
        await w.relay.handle(edit(w, 1))
        for _ in range(2):
            again, welcome = await back(w, B, start, "message_changes")
            await again.ask("ping")
            assert welcome.payload["resumed"] is True
            assert [frame.type for frame in again.frames] == ["auth_success", "message_updated", "pong"]
            again.vanish()
