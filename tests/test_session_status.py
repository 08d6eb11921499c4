"""What a client is told of the bridge itself, if it asked for it."""

from __future__ import annotations

from bridge.capabilities import Capability
from bridge.feed.signals import Live, Lost
from tests.people import B, C
from tests.world import Client, World, world

KNOWS = frozenset({"connection_status"})


def statuses(client: Client) -> list[tuple[str, str | None]]:
    """Return status and reason of each connection_status so far."""
    payloads = [frame.payload for frame in client.frames if frame.type == "connection_status"]
    assert all(payload.keys() == {"status", "reason", "since"} for payload in payloads)
    return [(payload["status"], payload["reason"]) for payload in payloads]


async def newcomer(w: World) -> Client:
    """Open a connection of a client with the capability."""
    return await w.newcomer(B, Capability.CONNECTION_STATUS, knows=KNOWS)


async def test_the_state_is_told_right_after_authentication_and_at_each_change() -> None:
    """So a client that connects during an outage knows it."""
    async with world() as w:
        client = await newcomer(w)
        await client.ask("ping")
        assert [frame.type for frame in client.frames] == ["auth_success", "connection_status", "pong"]
        assert "connection_status" in client.frames[0].payload["capabilities"]
        await w.relay.handle(Live())
        await w.relay.handle(Lost("closed"))
        w.context.health.drain()
        await client.ask("ping")
        assert statuses(client) == [
            ("degraded", "realtime_lost"),
            ("degraded", "catching_up"),
            ("live", None),
            ("degraded", "realtime_lost"),
            ("draining", None),
        ]


async def test_a_client_that_authenticates_again_is_told_again() -> None:
    """It may have asked for it only now."""
    async with world() as w:
        await w.relay.handle(Live())
        client = await w.signed_in(B)
        client.also = KNOWS
        for _ in range(2):
            await client.ask("auth", token=w.mint.hs256(B.auth_id), capabilities=["connection_status"])
        await client.ask("ping")
        assert statuses(client) == [("live", None)] * 2


async def test_old_clients_are_not_told() -> None:
    """They would refuse the type."""
    async with world() as w:
        client = await w.signed_in(C)
        await w.relay.handle(Live())
        await w.relay.handle(Lost("closed"))
        await client.ask("ping")
        assert [frame.type for frame in client.frames] == ["auth_success", "pong"]
