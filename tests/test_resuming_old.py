"""An old client knows no cursor: it is told what its user's last connection may have missed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.feed.changes import PresenceWritten
from bridge.feed.signals import Live
from bridge.models import Presence, PresenceStatus
from bridge.resuming import MAX_CHARACTERS, MAX_ENTRIES
from tests.coming_back import old_world, say
from tests.people import BIRTH, B, C, message
from tests.world import LIMITS, Client, World, world


async def test_an_old_client_is_told_what_its_users_last_connection_may_have_missed() -> None:
    """A peer may have been silent for as long as the limit before anybody noticed; it drops what it has, by its id."""
    async with old_world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        await say(b, "long ago")
        w.clock.advance(LIMITS.silence_limit_seconds + 1)
        await say(b, "perhaps lost")
        w.clock.advance(LIMITS.silence_limit_seconds - 1)
        c.vanish()
        await say(b, "missed")
        again = await w.signed_in(C)
        await say(b, "live")
        assert await again.received() == ["perhaps lost", "missed", "live"]


@pytest.mark.parametrize("is_new", [True, False])
async def test_an_old_client_is_told_what_it_missed_though_another_device_came_meanwhile(*, is_new: bool) -> None:
    """Whose end came later, and says nothing about the one that is away; nor does its coming."""
    async with old_world() as w:
        b, phone = await w.signed_in(B), await w.signed_in(C)
        await coming(w, is_new=is_new)
        phone.vanish()
        await say(b, "missed")
        w.clock.advance(LIMITS.silence_limit_seconds + 1)
        laptop = await coming(w, is_new=is_new)
        laptop.vanish()
        await coming(w, is_new=is_new)
        await say(b, "missed, too")
        assert await (await w.signed_in(C)).received() == ["missed", "missed, too"]


async def coming(w: World, *, is_new: bool) -> Client:
    """Let another device of C come."""
    client = w.client()
    capabilities = ["resume"] if is_new else []
    await client.ask("auth", token=w.mint.hs256(C.auth_id), capabilities=capabilities)
    return client


async def test_whoever_else_of_its_user_came_to_a_young_process_an_old_client_is_told_what_it_missed() -> None:
    """The start of the process had cut off both."""
    async with world() as w:
        b = await w.signed_in(B)
        await say(b, "missed")
        w.clock.advance(LIMITS.silence_limit_seconds + 1)
        await coming(w, is_new=True)
        assert await (await w.signed_in(C)).received() == ["missed"]


async def test_an_old_client_that_may_have_missed_too_much_is_told_the_newest() -> None:
    """It cannot be told that something is missing, and was away for a moment only, as a rule. The outbox has an end."""
    async with old_world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        for number in range(40):
            await say(b, str(number))
        c.vanish()
        await say(b, "missed")
        again = w.client(max_frames=40)
        await again.authenticate(C)
        assert await again.received() == [*(str(number) for number in range(11, 40)), "missed"]


async def test_an_old_client_may_be_told_more_than_one_that_can_load() -> None:
    """For all it knows, nothing is missing."""
    async with old_world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        c.vanish()
        for number in range(MAX_ENTRIES + 1):
            await say(b, str(number))
        assert len(await (await w.signed_in(C)).received()) == MAX_ENTRIES + 1


async def test_an_old_client_whose_dead_connection_nobody_has_noticed_is_told_what_it_missed() -> None:
    """To the bridge it is still open: a network that went away says nothing."""
    async with old_world() as w:
        b, _ = await w.signed_in(B), await w.signed_in(C)
        await say(b, "long ago")
        w.clock.advance(LIMITS.silence_limit_seconds + 1)
        await say(b, "into the void")
        assert await (await w.signed_in(C)).received() == ["into the void"]


async def test_an_old_client_is_told_as_many_long_messages_as_its_outbox_takes() -> None:
    """The newest of them."""
    async with old_world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        for number in range(5):
            await say(b, str(number) * (MAX_CHARACTERS // 5 + 1))
        c.vanish()
        told = await (await w.signed_in(C)).received()
        assert [text[0] for text in told] == ["1", "2", "3", "4"]


async def test_an_old_client_of_somebody_who_was_not_here_is_told_nothing() -> None:
    """It has just been opened, and loads."""
    async with old_world() as w:
        b = await w.signed_in(B)
        await say(b, "1")
        assert await (await w.signed_in(C)).received() == []


async def test_an_old_client_that_comes_from_another_bridge_is_told_what_it_may_have_missed() -> None:
    """Its bridge was killed, say; all that is known is when that one last wrote that its user is there."""
    async with old_world() as w:
        b = await w.signed_in(B)
        await say(b, "long ago")
        w.clock.advance(LIMITS.silence_limit_seconds + 1)
        await say(b, "perhaps lost")
        w.clock.advance(LIMITS.silence_limit_seconds - 1)
        there = Presence(user_id=C.user_id, status=PresenceStatus.ONLINE, last_seen=w.clock.now())
        await w.relay.handle(PresenceWritten(there))
        await say(b, "missed")
        assert await (await w.signed_in(C)).received() == ["perhaps lost", "missed"]


async def test_what_this_bridge_has_written_itself_is_no_sign_of_another() -> None:
    """The echoes of its own rows come back through the feed, too."""
    async with old_world() as w:
        await w.signed_in(C)
        rows = w.context.presence.take_unwritten()
        assert C.user_id in {row.user_id for row in rows}
        for row in rows:
            await w.relay.handle(PresenceWritten(row))
        assert w.context.left_rooms.seen_elsewhere_at(C.user_id) is None


async def test_an_old_client_in_a_young_process_is_told_what_was_said_before() -> None:
    """The process before it may have been killed with that client's connection (contract F27)."""
    async with world() as w:
        w.legacy_insert(message(1, at=BIRTH - timedelta(seconds=5)))
        await w.relay.handle(Live())
        assert await (await w.signed_in(C)).received() == ["legacy 1"]
