"""When coming back is refused: by the token, by the server, for good."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from bridge.client import NoToken, Offline, Online, Refused, Rhythm
from bridge.clock import FakeClock
from tests.client.scripted import BOB, Peer, eventually, token_until
from tests.client.watching import linked, stay


async def test_a_refused_token_is_not_tried_again_until_asked() -> None:
    """INVALID_TOKEN stops the client; `try_now` reads the token anew."""
    tokens = iter(["stale", "fresh"])
    seen: list[object] = []

    async def refuse(peer: Peer) -> None:
        command = await peer.command("auth")
        seen.append(command.payload["token"])
        await peer.refuse(command, "INVALID_TOKEN", "Invalid or expired token")
        await peer.until_closed()

    async def accept(peer: Peer) -> None:
        seen.append((await peer.accept_login()).payload["token"])
        await peer.until_closed()

    async with linked(refuse, accept, token=lambda: next(tokens)) as (link, watch):
        await eventually(watch.saw(1))
        assert watch.events == [Refused("Invalid or expired token")]
        link.try_now()
        await eventually(watch.saw(2))
    assert (seen, watch.pauses) == (["stale", "fresh"], [])


async def test_a_server_that_could_not_judge_the_token_is_asked_again() -> None:
    """AUTH_ERROR is the server's trouble: the same token is tried again after a pause."""

    async def undecided(peer: Peer) -> None:
        await peer.refuse(await peer.command("auth"), "AUTH_ERROR", "Authentication failed")
        await peer.until_closed()

    async with linked(undecided, stay) as (_, watch):
        await eventually(watch.saw(2))
    assert [type(event) for event in watch.events] == [Offline, Online]


async def test_a_final_close_code_is_obeyed() -> None:
    """A close code from 4500 on means: do not come back by yourself."""

    async def send_away(peer: Peer) -> None:
        await peer.accept_login()
        await peer.connection.close(4501, "blocked")

    async with linked(send_away) as (_, watch):
        await eventually(watch.saw(2))
    assert watch.events[1] == Refused("the server closed the connection: blocked (4501)")
    assert watch.server.connections == 1


async def test_a_missing_token_is_reported() -> None:
    """A source without a token is a refusal that says where it looked."""

    def nowhere() -> str:
        raise NoToken("there is no file x")

    async with linked(stay, token=nowhere) as (_, watch):
        await eventually(watch.saw(1))
    assert watch.events == [Refused("there is no file x")]


async def test_the_token_is_renewed_on_the_open_connection() -> None:
    """Before a token ends the next one is sent on the same connection; nothing is shown of it."""
    tokens: list[object] = []
    renewed = asyncio.Event()

    async def script(peer: Peer) -> None:
        tokens.extend([(await peer.accept_login()).payload["token"] for _ in range(2)])
        renewed.set()
        await peer.until_closed()

    soon = token_until(FakeClock().now() + timedelta(seconds=0.01))
    source = iter([soon, "without an end"])
    rhythm = Rhythm(renewal_margin_seconds=0.0)
    async with linked(script, token=lambda: next(source), rhythm=rhythm) as (_, watch):
        await renewed.wait()
    assert tokens == [soon, "without an end"]
    assert (watch.events, watch.server.connections) == ([Online(BOB)], 1)
