"""How fast one client and one user may send, and how many connections a user may have."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from bridge.errors import CloseCode
from bridge.rates import Rate
from tests.parts import USER_LIMITS
from tests.people import B, C
from tests.world import LIMITS, world

SLOW = replace(LIMITS, frames=Rate(per_second=1.0, burst=3))


async def test_frames_beyond_the_burst_end_the_connection() -> None:
    """Pings, rubbish and commands count alike; nothing more of it is read."""
    async with world() as w:
        client = w.client(limits=SLOW)
        client.send("ping")
        client.send_text("rubbish")
        client.send_text(None)
        assert not client.outbox.is_closing
        client.send("ping")
        assert (await client.disconnected()).code is CloseCode.TOO_FAST


async def test_a_client_may_go_on_after_a_rest() -> None:
    """The steady rate is never too fast."""
    async with world() as w:
        client = w.client(limits=SLOW)
        for _ in range(10):
            client.send("ping")
            w.clock.advance(1.0)
        assert not client.outbox.is_closing


async def test_what_comes_after_the_end_is_not_looked_at() -> None:
    """Only the first reason counts, and nobody would hear an answer."""
    async with world() as w:
        client = w.client(limits=SLOW)
        for _ in range(4):
            client.send("ping")
        w.clock.advance(60.0)
        client.send("ping")
        await asyncio.sleep(0)
        assert [frame.type for frame in client.frames] == ["pong"] * 3


async def test_connections_that_have_ended_do_not_count() -> None:
    """Neither those whose socket is gone nor those that have become somebody else's."""
    async with world() as w:
        stays = await w.signed_in(B)
        for _ in range(USER_LIMITS.max_connections):
            (await w.signed_in(B)).vanish()
            await (await w.signed_in(B)).authenticate(C)
        assert not stays.outbox.is_closing


async def test_a_new_token_is_no_new_connection() -> None:
    """However often it is renewed."""
    async with world() as w:
        stays = await w.signed_in(B)
        renewing = await w.signed_in(B)
        for _ in range(USER_LIMITS.max_connections):
            await renewing.authenticate(B)
        assert not stays.outbox.is_closing
