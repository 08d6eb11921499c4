"""What is held back while a token is expired follows the next one."""

from __future__ import annotations

from functools import partial
from itertools import count

import pytest

from tests.coming_back import back, old_world, say
from tests.parts import LEEWAY_SECONDS
from tests.people import ROOM, B, C
from tests.world import LIMITS


async def test_nothing_that_was_held_back_is_forgotten_though_time_passes_between_any_two_looks_at_the_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A push is noted a moment before it is held back."""
    async with old_world() as w:
        b = await w.signed_in(B)
        c = await w.signed_in(C, exp=int(w.clock.now().timestamp()) + 30)
        w.clock.advance(30 + LEEWAY_SECONDS + 1)
        monkeypatch.setattr(w.clock, "monotonic", partial(next, count(w.clock.monotonic(), 0.001)))
        await say(b, "held back", "this too")
        await c.authenticate(C)
        assert await c.received() == ["held back", "this too"]


async def test_what_was_held_back_follows_on_the_next_connection_too() -> None:
    """An old client whose token has expired may break off and come back with another one."""
    async with old_world() as w:
        b = await w.signed_in(B)
        c = await w.signed_in(C, exp=int(w.clock.now().timestamp()) + 30)
        w.clock.advance(30 + LEEWAY_SECONDS + 1)
        await say(b, "held back")
        w.clock.advance(LIMITS.silence_limit_seconds + 1)
        c.vanish()
        assert await (await w.signed_in(C)).received() == ["held back"]


async def test_a_token_that_ends_while_its_client_comes_back_still_tells_what_was_missed() -> None:
    """It was good when it was shown, and the client is told that all of it follows."""
    async with old_world() as w:
        b = await w.signed_in(B)
        first, welcome = await back(w, C, None)
        first.vanish()
        await say(b, "missed")
        w.context.members.forget(ROOM)
        asking = w.door.hold("conversations.participants")
        again = w.client()
        token = w.mint.hs256(C.auth_id, exp=int(w.clock.now().timestamp()) + 30)
        shown = again.send("auth", token=token, capabilities=["resume"], cursor=welcome.payload["cursor"])
        await asking.reached()
        w.clock.advance(30 + LEEWAY_SECONDS + 1)
        asking.open()
        assert (await again.reply(shown)).payload["resumed"] is True
        assert await again.received() == ["missed"]
