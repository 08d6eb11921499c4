"""The wire client of these tests fails its test when the bridge says what is not specified."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bridge.client import RequestRefused
from tests.client.scripted import Peer, scripted
from tests.e2e.checked import CheckedClient
from tests.specified import NotSpecified


async def test_a_frame_that_is_not_specified_fails_the_test() -> None:
    """At the end of the block at the latest, whether or not anybody reads pushes."""

    async def script(peer: Peer) -> None:
        await peer.send("typing_update", {"conversationId": "c"}, "11111111-1111-4111-8111-111111111111")
        await peer.until_closed()

    async def listen(url: str) -> None:
        async with CheckedClient.connect(url) as client:
            await anext(client.pushes())

    async with scripted(script) as server:
        with pytest.raises(NotSpecified, match="typing_update"):
            await listen(server.url)


async def test_an_error_that_an_action_does_not_name_fails_the_test() -> None:
    """One that it names is raised as usual."""

    async def script(peer: Peer) -> None:
        await peer.refuse(await peer.command(), "DATABASE_ERROR", "Failed to load groups")
        await peer.refuse(await peer.command(), "DATABASE_ERROR", "Failed to load messages")

    async with scripted(script) as server, CheckedClient.connect(server.url) as client:
        with pytest.raises(RequestRefused):
            await client.load_groups()
        with pytest.raises(NotSpecified):
            await client.load_groups()


def test_no_other_wire_client_is_used_here() -> None:
    """One that does not look would let a wrong frame pass."""
    sources = [path for path in Path(__file__).parent.glob("*.py") if path != Path(__file__)]
    assert [path.name for path in sources if re.search(r"\bWireClient\.connect", path.read_text())] == []
