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

from bridge.actions.context import Caller, Context, Rooms
from bridge.auth import TokenVerifier
from bridge.capabilities import Capability
from bridge.clock import FakeClock
from bridge.crowd import Guests, UserLimits
from bridge.dial import Dial
from bridge.entrance import Limits
from bridge.errors import Disconnect
from bridge.feed.memory import MemoryFeed
from bridge.health import Health
from bridge.history import History
from bridge.hub import Hub
from bridge.left_rooms import LeftRooms
from bridge.lists import Lists
from bridge.logins import Logins
from bridge.measures import Measures
from bridge.members import Members
from bridge.message_states import MessageStates
from bridge.models import ConversationId, Message
from bridge.outbox import Outbox
from bridge.presence import PresenceState
from bridge.presence_upkeep import PresenceUpkeep
from bridge.profiles import Profiles
from bridge.quotes import Quotes
from bridge.rates import Rate
from bridge.receipts import Receipts
from bridge.relay import Relay
from bridge.rollout.asking import Rollout
from bridge.send_times import SendTimes
from bridge.session import Connection
from bridge.shadow import Shadow
from bridge.store.memory.tables import conversation_of
from bridge.typing_state import TypingState
from bridge.usage.notes import Usage
from tests.emulated_w1 import Frame, read_frame
from tests.gated import Gate, GatedStore
from tests.people import OTHER_ROOM, ROOM, USERS, A, B, C, D, Person, X
from tests.specified import check_answer, check_from_bridge
from tests.tokens import AUDIENCE, SECRET, Mint, keyring_of

LEEWAY_SECONDS = 5.0
OVERLAP = timedelta(seconds=60)
GRACE_SECONDS = 15.0
HEARTBEAT_SECONDS = 120.0
RESUME_ROOMS_SECONDS = 600.0
LOGIN_CHECK_SECONDS = 300.0
LIMITS = Limits(
    max_waiting_commands=16,
    frames=Rate(per_second=100.0, burst=100_000),
    auth_deadline_seconds=60.0,
    silence_limit_seconds=60.0,
    leeway=timedelta(seconds=LEEWAY_SECONDS),
    phone_identity=True,
)
USER_LIMITS = UserLimits(max_connections=20, frames=Rate(per_second=100.0, burst=10_000))


def fill(store: GatedStore) -> None:
    """Put the people and their conversations in."""
    for person in USERS:
        store.tables.add_user(person.user)
    for person in (A, B, C, D):
        store.tables.add_participant(ROOM, person.user_id)
    for person in (C, X):
        store.tables.add_participant(OTHER_ROOM, person.user_id)
    store.tables.add_conversation(conversation_of(ROOM, "room"))


class Parts:
    """The parts of a bridge process, put together as bridge.app does; enough where no client takes part.

    `before`: the process before this one, whose tables and time go on.
    """

    def __init__(self, before: Parts | None = None) -> None:
        self.clock: FakeClock = before.clock if before else FakeClock()
        self.store: GatedStore = GatedStore(before.store.tables if before else None)
        if before is None:
            fill(self.store)
        self.door = self.store.door
        self.tables = self.store.tables
        self.feed = MemoryFeed()
        history = History(self.clock)
        self.usage = Usage(self.clock, lambda: True)
        self.measures = Measures()
        hub = Hub(self.clock, history, self.measures)
        members = Members(self.store.conversations, self.clock, 60.0)
        presence = PresenceState(self.clock, grace_seconds=GRACE_SECONDS, heartbeat_seconds=HEARTBEAT_SECONDS)
        self.context = Context(
            store=self.store,
            members=members,
            profiles=Profiles(self.store.users, self.clock),
            quotes=Quotes(self.store.messages, self.clock),
            hub=hub,
            times=SendTimes(self.clock),
            typing=TypingState(hub, self.clock, members.known),
            receipts=Receipts(hub),
            presence=presence,
            health=Health(hub, self.clock, self.measures),
            message_states=MessageStates(),
            lists=Lists(self.store, hub, members, presence, self.clock),
            left_rooms=LeftRooms(self.clock, RESUME_ROOMS_SECONDS),
            guests=Guests(USER_LIMITS, self.clock),
            logins=Logins(self.clock, LOGIN_CHECK_SECONDS),
            history=history,
            usage=self.usage,
            clock=self.clock,
            measures=self.measures,
        )
        self.shadow: Shadow | None = None
        self.relay = Relay(self.context, self.feed, OVERLAP)
        self.presence = PresenceUpkeep(self.context)
        self.dial = Dial(Rollout(None, None), history, self.clock)
        self.mint = Mint(self.clock)
        self.verifier = TokenVerifier(
            secret=SECRET,
            keyring=keyring_of(self.mint.jwks(), self.clock),
            clock=self.clock,
            audience=AUDIENCE,
            leeway_seconds=LEEWAY_SECONDS,
        )

    def caller(self, person: Person, *capabilities: Capability) -> Caller:
        """Return an authenticated caller, for actions without a connection."""
        return Caller(identity=person.identity, user=person.user, rooms=Rooms(), capabilities=frozenset(capabilities))

    def legacy_insert(self, message: Message) -> Message:
        """Let a legacy writer put a row into the tables; the feed says nothing by itself."""
        self.tables.messages_by_id[message.id] = message
        return message

    def stored(self, conversation_id: ConversationId = ROOM) -> list[Message]:
        """Return what the table holds, in order."""
        return self.tables.visible(conversation_id, self.clock.now())


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
