"""A client that shows its cursor on its open connection, to renew its token as it comes back."""

from __future__ import annotations

from bridge.feed.signals import Live, Lost
from bridge.history import MAX_AGE_SECONDS
from tests.coming_back import back, last_cursor, old_world, say
from tests.emulated_w1 import Frame
from tests.parts import LEEWAY_SECONDS
from tests.people import B, C
from tests.world import Client, World


async def test_a_cursor_shown_on_the_open_connection_tells_nothing_twice() -> None:
    """Clients that renew their token as they come back: what is on its way to them has a place behind their cursor."""
    async with old_world() as w:
        b = await w.signed_in(B)
        earlier, welcome = await back(w, C, None)
        await say(b, "1")
        earlier.vanish()
        c, _ = await back(w, C, str(welcome.payload["cursor"]))
        start = str(c.frames[0].payload["cursor"])
        await say(b, "2")
        renewed = await renew(w, c, start)
        assert (renewed.payload["resumed"], await c.received()) == (True, ["1", "2"])
        await say(b, "3")
        renewed = await renew(w, c, last_cursor(c))
        assert (renewed.payload["resumed"], await c.received()) == (True, ["1", "2", "3"])


async def test_a_cursor_from_before_the_open_connection_tells_what_that_was_not_told() -> None:
    """It began without one, and shows it afterwards."""
    async with old_world() as w:
        b = await w.signed_in(B)
        earlier, welcome = await back(w, C, None)
        earlier.vanish()
        await say(b, "1")
        c, _ = await back(w, C, None)
        renewed = await renew(w, c, str(welcome.payload["cursor"]))
        assert (renewed.payload["resumed"], await c.received()) == (True, ["1"])


async def test_what_was_held_back_follows_a_renewal_with_a_cursor() -> None:
    """And nothing besides."""
    async with old_world() as w:
        b = await w.signed_in(B)
        c, _ = await back(w, C, None)
        await say(b, "1")
        assert await c.received() == ["1"]
        w.clock.advance(3600 + LEEWAY_SECONDS + 1)
        await b.authenticate(B)
        await say(b, "held back")
        renewed = await renew(w, c, last_cursor(c))
        assert (renewed.payload["resumed"], await c.received()) == (True, ["1", "held back"])


async def test_after_a_gap_a_renewal_with_a_cursor_says_that_something_may_be_missing() -> None:
    """As coming back does: what became of lists meanwhile nobody knows; what was held back too long ago, neither."""
    async with old_world() as w:
        await w.relay.handle(Live())
        b = await w.signed_in(B)
        c, welcome = await back(w, C, None)
        await w.relay.handle(Lost("a test"))
        await w.relay.handle(Live())
        assert (await renew(w, c, str(welcome.payload["cursor"]))).payload["resumed"] is False
        w.clock.advance(3600 + LEEWAY_SECONDS + 1)
        await b.authenticate(B)
        await say(b, "held back")
        w.clock.advance(MAX_AGE_SECONDS + 1)
        await say(b, "this too")
        renewed = await renew(w, c, str(welcome.payload["cursor"]))
        assert (renewed.payload["resumed"], await c.received()) == (False, [])


async def renew(w: World, client: Client, cursor: str) -> Frame:
    """Authenticate on the open connection with a cursor, and return the answer."""
    return await client.ask("auth", token=w.mint.hs256(C.auth_id), capabilities=["resume"], cursor=cursor)
