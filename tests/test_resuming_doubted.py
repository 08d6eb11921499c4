"""Whoever comes back while it is not certain what they may be told."""

from __future__ import annotations

import pytest

from bridge.errors import StoreDown
from bridge.feed.changes import MessageInserted, ParticipantChanged
from tests.coming_back import back, old_world, say
from tests.people import OTHER_ROOM, ROOM, B, C, message, participant


@pytest.mark.parametrize("is_late", [False, True])
async def test_who_is_removed_while_others_are_asked_about_is_told_nothing_of_it(*, is_late: bool) -> None:
    """The answer about the first conversation, or a message of a moment ago, is older than the removal."""
    async with old_world() as w:
        first, welcome = await back(w, C, None)
        first.vanish()
        for number, room in enumerate((ROOM, OTHER_ROOM)):
            await w.relay.handle(MessageInserted(w.legacy_insert(message(number, C, conversation=room))))
        for room in (ROOM, OTHER_ROOM):
            w.context.members.forget(room)
        answers = [w.door.hold_answer("conversations.participants") for _ in range(2)]
        again = w.client()
        cursor, token = welcome.payload["cursor"], w.mint.hs256(C.auth_id)
        shown = again.send("auth", token=token, capabilities=["resume"], cursor=cursor)
        await answers[0].reached()
        answers[0].open()
        await answers[1].reached()
        (left,) = {ROOM, OTHER_ROOM} - {room for room in (ROOM, OTHER_ROOM) if w.context.members.known(room) is None}
        if is_late:
            await w.relay.handle(MessageInserted(w.legacy_insert(message(7, C, conversation=left))))
        await w.relay.handle(ParticipantChanged(participant(C, left, left=True)))
        answers[1].open()
        assert (await again.reply(shown)).payload["resumed"] is True
        assert {push.payload["message"]["conversation_id"] for push in await again.pushed()} == {ROOM, OTHER_ROOM} - {
            left
        }


async def test_an_old_client_that_cannot_be_told_what_it_missed_is_not_let_in() -> None:
    """It could not be told to load, and would be told at its next return, after what came meanwhile."""
    async with old_world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        c.vanish()
        await say(b, "1")
        w.context.members.forget(ROOM)
        w.door.fail_next("conversations.participants", StoreDown("reset"))
        again = w.client()
        assert (await again.authenticate(C)).payload["code"] == "AUTH_ERROR"
        await say(b, "2")
        assert (await again.authenticate(C)).type == "auth_success"
        await say(b, "3")
        assert await again.received() == ["1", "2", "3"]
