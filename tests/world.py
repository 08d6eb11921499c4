"""A bridge without a network: memory tables, a feed by hand, a clock that stands still, clients without sockets.

async with world() as w:
    b = await w.signed_in(B)
    reply = await b.ask("load_messages", conversationId=ROOM)
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count

from bridge.entrance import Limits
from bridge.errors import Disconnect
from bridge.outbox import Outbox
from bridge.rates import Rate
from bridge.session import Connection
from tests.emulated_w1 import Frame, read_frame
from tests.gated import Gate
from tests.parts import LEEWAY_SECONDS, Parts
from tests.people import Person
from tests.specified import check_answer, check_from_bridge

LIMITS = Limits(
    max_waiting_commands=16,
    frames=Rate(per_second=100.0, burst=100_000),
    auth_deadline_seconds=60.0,
    silence_limit_seconds=60.0,
    leeway=timedelta(seconds=LEEWAY_SECONDS),
    phone_identity=True,
)


class Client:
    """The far end of a connection: every frame that it is sent must please W1 and be as specified."""

    def __init__(self, parts: Parts, limits: Limits, *, max_frames: int, max_bytes: int) -> None:
        self.outbox = Outbox(max_frames=max_frames, max_bytes=max_bytes)
        self.connection = Connection(parts.context, parts.verifier, self.outbox, limits, parts.dial, parts.shadow)
        self.frames: list[Frame] = []
        self.stalled: Gate | None = None
        self.working: asyncio.Task[None] | None = None
        self.also: frozenset[str] = frozenset()
        self._parts = parts
        self._numbers = count(1)
        self._asked: dict[str, str] = {}
        self._news = asyncio.Event()

    async def take(self, text: str) -> None:
        """Take a frame from the bridge, unless this client has stopped reading."""
        if self.stalled is not None:
            await self.stalled()
        check_from_bridge(text)
        frame = read_frame(text, self.also)
        if frame.request_id in self._asked:
            check_answer(self._asked.pop(frame.request_id), frame)
        self.frames.append(frame)
        self._news.set()

    def send_text(self, frame: object) -> None:
        """Send whatever is given as a frame."""
        self.connection.receive(frame)

    def send(self, frame_type: str, **payload: object) -> str:
        """Send a well-formed command without waiting and return its request id."""
        request_id = f"r{next(self._numbers)}"
        self._asked[request_id] = frame_type
        envelope = {"type": frame_type, "payload": payload, "requestId": request_id, "timestamp": "now"}
        self.send_text(json.dumps(envelope))
        return request_id

    async def reply(self, request_id: str) -> Frame:
        """Wait for the frame with this request id."""
        while True:
            for frame in self.frames:
                if frame.request_id == request_id:
                    return frame
            self._news.clear()
            await self._news.wait()

    async def ask(self, frame_type: str, **payload: object) -> Frame:
        """Send a command and wait for its reply."""
        return await self.reply(self.send(frame_type, **payload))

    async def authenticate(self, person: Person, **claims: object) -> Frame:
        """Send the token of a person."""
        return await self.ask("auth", token=self._parts.mint.hs256(person.auth_id, **claims))

    async def settle(self) -> None:
        """Wait until everything queued has arrived, on a connection that is ending too."""
        if self.outbox.is_closing:
            while self.outbox._frames:
                self._news.clear()
                await self._news.wait()
        else:
            await self.ask("ping")

    async def pushed(self) -> list[Frame]:
        """Return the pushes so far: a pong comes after everything queued before it."""
        await self.ask("ping")
        return [frame for frame in self.frames if frame.type == "message_received"]

    async def typing_seen(self) -> list[tuple[str, bool]]:
        """Return who was said to type, and to have stopped, so far."""
        await self.ask("ping")
        updates = [frame.payload for frame in self.frames if frame.type == "typing_update"]
        return [(str(update["username"]), bool(update["isTyping"])) for update in updates]

    async def received(self) -> list[str]:
        """Return the contents of the messages pushed so far."""
        return [str(frame.payload["message"]["encrypted_content"]) for frame in await self.pushed()]

    def vanish(self) -> None:
        """Let the socket end, as its endpoint does: whatever is being done is cancelled."""
        if self.working is not None:
            self.working.cancel()
        self.connection.close()

    async def disconnected(self) -> Disconnect:
        """Wait until the bridge ends the connection."""
        return await self.outbox.closing()


class World(Parts):
    """Parts with clients, whose tasks the world owns."""

    def __init__(self, tasks: asyncio.TaskGroup, before: Parts | None = None) -> None:
        super().__init__(before)
        self._tasks = tasks
        self._running: list[asyncio.Task[None]] = []

    def client(
        self, *, limits: Limits = LIMITS, max_frames: int = 2000, max_bytes: int = 4_194_304, deadline: bool = False
    ) -> Client:
        """Open a connection; with `deadline`, one whose time to authenticate runs."""
        client = Client(self, limits, max_frames=max_frames, max_bytes=max_bytes)
        client.working = self._start(client.connection.work())
        self.run(client.outbox.write(client.take))
        if deadline:
            self.run(client.connection.enforce_deadline())
        return client

    async def signed_in(self, person: Person, **claims: object) -> Client:
        """Open a connection and authenticate it."""
        client = self.client()
        reply = await client.authenticate(person, **claims)
        assert reply.type == "auth_success", reply
        return client

    async def newcomer(self, person: Person, *capabilities: str, knows: frozenset[str]) -> Client:
        """Open a connection of a client that asks for more and knows more types than W1."""
        client = self.client()
        client.also = knows
        await client.ask("auth", token=self.mint.hs256(person.auth_id), capabilities=[*capabilities])
        return client

    def run(self, work: Coroutine[object, object, None]) -> None:
        """Run something until the world ends."""
        self._running.append(self._tasks.create_task(work))

    def _start(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        self.run(work)
        return self._running[-1]

    def end(self) -> None:
        """Cancel what still runs."""
        for task in self._running:
            task.cancel()


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """Make a world and end it; a task of it that fails makes the test fail."""
    try:
        async with asyncio.TaskGroup() as tasks:
            made = World(tasks)
            yield made
            made.end()
    except BaseExceptionGroup as group:
        if len(group.exceptions) == 1:
            raise group.exceptions[0] from group
        raise
