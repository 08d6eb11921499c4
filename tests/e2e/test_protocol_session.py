"""The session at the end of docs/protocol.md, played against a running bridge: everything is said as it is written."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack

import pytest
from websockets.asyncio.client import ClientConnection, connect

from scripts.documents import PROTOCOL
from scripts.sandbox.address import SandboxAddress
from tests.conftest import sandboxes
from tests.e2e.conftest import RunningBridge, running
from tests.specified import check_from_bridge, check_from_client
from tests.transcript import Differs, Transcript

ANSWER_SECONDS = 20.0
LINE = re.compile(r"(bob|carol) ([<>]) (.+)")
PLACEHOLDER = re.compile("<(bob|carol)'s access token>")

# Who is online depends on whom else the sample people know; the document leaves it out.
LEFT_OUT = frozenset({"user_online", "user_offline"})


def session() -> list[str]:
    """Return the lines of the written session."""
    found = re.search(r"^## A complete session\n.*?```\n(.*?)\n```", PROTOCOL.read_text(), re.MULTILINE | re.DOTALL)
    assert found
    return [line for line in found[1].splitlines() if not line.startswith("#")]


class Player:
    """Speaks and listens for everybody in the session."""

    def __init__(self, bridge: RunningBridge, sockets: AsyncExitStack) -> None:
        people = bridge.sandbox.people
        tokens = {f"<{name}'s access token>": str(people[name].token) for name in ("bob", "carol")}
        known = [*(str(person.user_id) for person in people.values()), *map(str, bridge.sandbox.conversations.values())]
        self._transcript = Transcript(known, tokens)
        self._url = bridge.url
        self._sockets = sockets
        self._open: dict[str, ClientConnection] = {}

    async def play(self, line: str) -> None:
        """Play one line."""
        match = LINE.fullmatch(line)
        assert match, f"neither sent nor received: {line}"
        name, direction, frame = match.groups()
        if name not in self._open:
            self._open[name] = await self._sockets.enter_async_context(connect(self._url))
        if direction == ">":
            command = self._transcript.spoken(frame)
            check_from_client(command)
            await self._open[name].send(command)
        else:
            self._transcript.compare(frame, await self._next(name))

    async def nothing_is_left(self) -> None:
        """See that the bridge said nothing that is not written down."""
        for name, socket in self._open.items():
            await socket.send('{"type":"ping","payload":{},"requestId":"last","timestamp":"now"}')
            told = await self._next(name)
            assert json.loads(told)["requestId"] == "last", f"{name} got more than is written: {told}"

    async def _next(self, name: str) -> str:
        async with asyncio.timeout(ANSWER_SECONDS):
            while True:
                text = await self._open[name].recv(decode=True)
                check_from_bridge(text)
                if json.loads(text)["type"] not in LEFT_OUT:
                    return text


@pytest.fixture
def quiet_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxAddress]:
    """Run a sandbox of the test's own: what other tests said a moment ago would be told again to people who come."""
    with sandboxes(tmp_path_factory) as found:
        yield found("db1")


@pytest.fixture
async def player(quiet_sandbox: SandboxAddress) -> AsyncIterator[Player]:
    """Return a player whose sockets are closed at the end."""
    async with running(quiet_sandbox) as bridge, AsyncExitStack() as sockets:
        yield Player(bridge, sockets)


async def test_the_written_session_is_what_happens(player: Player) -> None:
    """Line by line, and nothing besides."""
    lines = session()
    assert len(lines) > 20
    for line in lines:
        await player.play(line)
    await player.nothing_is_left()


async def test_a_session_written_differently_is_noticed(player: Player) -> None:
    """The test above can fail."""
    first, second, *_ = session()
    await player.play(first)
    with pytest.raises(Differs, match="display_name"):
        await player.play(second.replace("Bob Baker", "Bob Barker"))
