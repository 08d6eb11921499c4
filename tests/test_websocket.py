"""Sockets of the whole process: how they end, together and one by one."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from bridge.errors import CloseCode, come_back_in, service_restart
from bridge.outbox import Outbox
from bridge.refusals import Refusals
from bridge.session import Connection
from bridge.websocket import Sockets
from tests.parts import Parts
from tests.people import ROOM, B
from tests.virtual_time import idle, in_virtual_time
from tests.world import LIMITS, world


@dataclass
class FarEnd:
    """A socket whose peer is the test."""

    sent: asyncio.Queue[object] = field(default_factory=asyncio.Queue)
    got: list[str] = field(default_factory=list)
    closed: tuple[int, str] | None = None

    async def receive(self) -> object:
        """Return what the peer sends."""
        return await self.sent.get()

    async def send(self, data: str) -> None:
        """Let the peer read."""
        self.got.append(data)

    async def close(self, code: int, reason: str) -> None:
        """Keep the last words."""
        self.closed = (code, reason)


class FrozenPeer(FarEnd):
    """A peer that reads nothing any more, as a suspended phone."""

    async def send(self, data: str) -> None:
        """Wait for ever."""
        await asyncio.Event().wait()


def sockets_of(parts: Parts) -> Sockets:
    """Return the sockets of a process."""

    def open_connection(outbox: Outbox) -> Connection:
        return Connection(parts.context, parts.verifier, outbox, LIMITS, parts.dial)

    def outbox() -> Outbox:
        return Outbox(max_frames=1000, max_bytes=1_000_000)

    return Sockets(open_connection, outbox, parts.context.health, Refusals())


PING = '{"type":"ping","payload":{},"requestId":"1","timestamp":"now"}'


async def serve(sockets: Sockets, tasks: asyncio.TaskGroup, ends: list[FarEnd]) -> None:
    """Serve sockets until they end."""
    for end in ends:
        tasks.create_task(sockets.serve(end))
    await idle()


@in_virtual_time
async def test_a_drain_ends_all_and_spreads_their_return() -> None:
    """A thousand clients, the ends spread over two seconds, their return over ten; none is told more than it."""
    sockets, ends = sockets_of(Parts()), [FarEnd() for _ in range(1000)]
    async with asyncio.TaskGroup() as tasks:
        await serve(sockets, tasks, ends)
        began_at = asyncio.get_running_loop().time()
        await sockets.drain(5.0, come_back_within_seconds=10.0)
        took = asyncio.get_running_loop().time() - began_at
    assert 1.5 < took < 2.5
    told = [end.closed or (0, "") for end in ends]
    assert {code for code, _ in told} == {1012}
    assert Counter(come_back_in(reason) for _, reason in told) == Counter(dict.fromkeys(range(1, 11), 100))


@in_virtual_time
async def test_very_many_end_in_time_all_the_same() -> None:
    """The ends come closer together, and nobody is cut off."""
    sockets, ends = sockets_of(Parts()), [FarEnd() for _ in range(500)]
    async with asyncio.TaskGroup() as tasks:
        await serve(sockets, tasks, ends)
        began_at = asyncio.get_running_loop().time()
        await sockets.drain(0.4, come_back_within_seconds=10.0)
        took = asyncio.get_running_loop().time() - began_at
    assert took <= 0.3
    assert len({end.closed for end in ends}) == 10


@in_virtual_time
async def test_without_clients_nobody_is_waited_for() -> None:
    """Not a moment."""
    sockets = sockets_of(Parts())
    await sockets.drain(5.0, come_back_within_seconds=10.0)
    assert asyncio.get_running_loop().time() == 0


@in_virtual_time
async def test_a_peer_that_does_not_read_holds_nothing_up() -> None:
    """What is left at the end is left to the server below; the drain itself ends in time."""
    sockets, frozen, other = sockets_of(Parts()), FrozenPeer(), FarEnd()
    async with asyncio.TaskGroup() as tasks:
        await serve(sockets, tasks, [frozen, other])
        await frozen.sent.put(PING)
        await idle()
        await sockets.drain(5.0, come_back_within_seconds=10.0)
        assert asyncio.get_running_loop().time() <= 5.0
        assert len(sockets) == 0


@in_virtual_time
async def test_a_handshake_that_the_drain_overtakes_is_ended_too() -> None:
    """It was let in a moment before."""
    sockets, late = sockets_of(Parts()), FarEnd()
    await sockets.drain(1.0, come_back_within_seconds=10.0)
    await sockets.serve(late)
    assert late.closed == (1012, "service restart, come back in 1 s")


@in_virtual_time
async def test_a_command_that_hangs_is_cut_off_before_the_time_is_over() -> None:
    """The database does not answer; the client hears 1012 all the same."""
    parts, end = Parts(), FarEnd()
    sockets = sockets_of(parts)
    gate = parts.door.hold("conversations.summaries")
    token = parts.mint.hs256(B.auth_id)
    async with asyncio.TaskGroup() as tasks:
        await serve(sockets, tasks, [end])
        for kind, payload in (("auth", f'{{"token":"{token}"}}'), ("load_conversations", "{}")):
            await end.sent.put(f'{{"type":"{kind}","payload":{payload},"requestId":"{kind}","timestamp":"now"}}')
        await gate.reached()
        await sockets.drain(4.0, come_back_within_seconds=10.0)
        assert asyncio.get_running_loop().time() <= 4.0
    assert end.closed == (1012, "service restart, come back in 1 s")


@in_virtual_time
async def test_every_end_that_the_bridge_wants_is_counted() -> None:
    """By its code, for operators."""
    parts, end = Parts(), FarEnd()
    sockets = sockets_of(parts)
    async with asyncio.TaskGroup() as tasks:
        await serve(sockets, tasks, [end])
        await asyncio.sleep(LIMITS.auth_deadline_seconds)
    assert end.closed == (4003, "not authenticated in time")
    assert sockets.refusals.closings == {CloseCode.NOT_AUTHENTICATED_IN_TIME: 1}


async def test_what_was_taken_is_finished_and_nothing_more_is_taken() -> None:
    """Sends under way when a restart begins are acknowledged, in order; what comes later was never begun."""
    async with world() as w:
        b = await w.signed_in(B)
        gate = w.door.hold("messages.insert")
        sends = [b.send("send_message", conversationId=ROOM, content=str(number)) for number in range(3)]
        await gate.reached()
        restart = service_restart(1)
        b.connection.retire(restart)
        b.send("send_message", conversationId=ROOM, content="too late")
        gate.open()
        assert await b.disconnected() is restart
        assert [(await b.reply(one)).type for one in sends] == ["message_sent"] * 3
        assert [row.content for row in w.stored()] == ["0", "1", "2"]
