"""Whatever is sent, lost, cut, withheld, repeated and restarted, in whatever order: the checker finds nothing.

The bridge is the real one in memory, its clients are the emulated ones of tests/world, its end and its beginning anew
keep the tables. The same checker judges as after the trials on real sockets (scripts/chaos/checker.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from itertools import count
from typing import TypeVar, cast

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from msgspec.structs import replace

from bridge.errors import StoreDown
from bridge.feed.changes import MessageInserted, ParticipantChanged
from bridge.feed.signals import Live, Lost
from bridge.models import Message
from scripts.chaos.checker import Member, check
from scripts.chaos.history import (
    Acknowledged,
    Came,
    Event,
    Kind,
    Leaving,
    Loaded,
    Received,
    Repeating,
    Row,
    Sent,
    ShutOut,
)
from tests.emulated_w1 import Frame
from tests.people import ROOM, A, B, C, D, Person, X, message, participant
from tests.virtual_time import VirtualTimeLoop, idle
from tests.world import Client, World

T = TypeVar("T")
QUESTION = "messages.insert"
PAGE = 50


class Reader:
    """One member's client, which keeps to the protocol as scripts/chaos/readers does."""

    def __init__(self, person: Person, kind: Kind, conversations: frozenset[str]) -> None:
        self.person = person
        self.member = Member(name=person.name, kind=kind, conversations=conversations)
        self.client: Client | None = None
        self.cursor: str | None = None
        self.connection = 0
        self.noted = 0
        """How many of the connection's frames are in the history."""


class Protocol(RuleBasedStateMachine):
    """A bridge, a writer, three readers and a stranger."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.steps, self.numbers = count(1), count(1)
        self.history: list[Event] = []
        self.unanswered: dict[str, None] = {}
        self.readers = [
            Reader(A, Kind.CURSOR, frozenset([ROOM])),
            Reader(C, Kind.RELOAD, frozenset([ROOM])),
            Reader(D, Kind.CURSOR, frozenset([ROOM])),
        ]
        self.stranger = Reader(X, Kind.CURSOR, frozenset())
        self.changes: list[MessageInserted] = []
        """What the feed has to say and has not said yet."""
        self.is_live = True
        self.has_left = False
        self.processes = 0
        self.writer: Client | None = None

    def do(self, work: Coroutine[object, object, T]) -> T:
        """Let something happen, and everybody come to rest."""

        async def doing() -> T:
            done = await work
            await idle()
            return done

        found = self.runner.run(doing())
        self._harvest()
        return found

    @property
    def at(self) -> float:
        """Return the number of this moment."""
        return float(next(self.steps))

    @initialize()
    def begin(self) -> None:
        """Start the first process."""
        self.do(self._start(None))
        for reader in [*self.readers, self.stranger]:
            self.do(self._come(reader))

    @rule()
    def send(self) -> None:
        """Send a message over the WebSocket, and get the answer."""
        self.do(self._send(self._new_key()))

    @rule()
    def send_many_at_once(self) -> None:
        """Send without waiting for answers."""

        async def several() -> None:
            writer = await self._writer()
            asked = [(key, self._ask(writer, key)) for key in (self._new_key() for _ in range(3))]
            for key, request_id in asked:
                self._note_answer(key, await writer.reply(request_id))

        self.do(several())

    @rule(is_written=st.booleans())
    def send_in_vain(self, is_written: bool) -> None:  # noqa: FBT001  # hypothesis chooses it
        """Send while the database does not answer: written or not, nobody knows."""

        def fail() -> None:
            raise StoreDown

        if is_written:
            self.world.door.meanwhile(QUESTION, fail)
        else:
            self.world.door.fail_next(QUESTION, StoreDown())
        self.do(self._send(self._new_key()))

    @rule()
    def send_and_go(self) -> None:
        """Send, and lose the connection while it is written."""

        async def going() -> None:
            writer = await self._writer()
            held = self.world.door.hold_answer(QUESTION)
            self._ask(writer, self._new_key())
            await held.reached()
            writer.vanish()
            self.writer = None
            held.open()

        self.do(going())

    @precondition(lambda self: self.unanswered)
    @rule()
    def repeat(self) -> None:
        """Send again what was not answered, in the order in which it was written."""
        for key in list(self.unanswered):
            self.history.append(Repeating(at=self.at, key=key))
            self.do(self._send(key))

    @rule(late=st.sampled_from([0, 0, 5, 50]))
    def write_past_the_bridge(self, late: int) -> None:
        """Let a legacy writer insert a row, dated some seconds ago; the feed has to say it."""
        number = next(self.numbers)
        key = f"legacy {number}"
        row = message(number, C, content=key, at=self.world.clock.now() - timedelta(seconds=late))
        self.history += [
            Sent(at=self.at, key=key, conversation_id=ROOM),
            Acknowledged(at=self.at, key=key, message_id=row.id),
        ]
        self.world.legacy_insert(row)
        self._queue(row)

    @precondition(lambda self: self.is_live and self.changes)
    @rule(times=st.integers(1, 2))
    def hear(self, times: int) -> None:
        """Let the feed say the next change, perhaps twice."""
        change = self.changes.pop(0)
        for _ in range(times):
            self.do(self.world.relay.handle(change))

    @precondition(lambda self: self.changes)
    @rule()
    def withhold(self) -> None:
        """Let the feed lose a change silently."""
        self.changes.pop()

    @precondition(lambda self: self.is_live)
    @rule()
    def lose_the_feed(self) -> None:
        """Let the feed break, and with it what it had to say."""
        self.is_live = False
        self.changes.clear()
        self.do(self.world.relay.handle(Lost("cut")))

    @precondition(lambda self: not self.is_live)
    @rule()
    def find_the_feed(self) -> None:
        """Let the feed come back."""
        self.is_live = True
        self.do(self.world.relay.handle(Live()))

    @rule()
    def look_into_the_tables(self) -> None:
        """Let the slow timer ring."""
        self.do(self.world.relay.catch_up())

    @rule(which=st.integers(0, 2), is_noticed=st.booleans())
    def cut(self, which: int, is_noticed: bool) -> None:  # noqa: FBT001  # hypothesis chooses it
        """Break a reader's connection; the bridge notices, or holds a dead one for ever."""
        reader = self.readers[which]
        if reader.client is not None:
            if is_noticed:
                reader.client.vanish()
            reader.client = None

    @rule(which=st.integers(0, 2))
    def come_back(self, which: int) -> None:
        """Connect a reader again."""
        reader = self.readers[which]
        if reader.client is None and not (self.has_left and reader is self.readers[2]):
            self.do(self._come(reader))

    @rule(seconds=st.sampled_from([1, 20, 90]))
    def wait(self, seconds: int) -> None:
        """Let time pass; what the slow timer does every half minute is done."""
        self.world.clock.advance(seconds)
        if seconds > 30:
            self.look_into_the_tables()

    @precondition(lambda self: not self.has_left)
    @rule()
    def remove(self) -> None:
        """Remove a member, who is told by the feed, and by a question where it is away."""
        self.has_left = True
        leaver = self.readers[2]
        self.history.append(Leaving(at=self.at, reader=leaver.member.name, conversation_id=ROOM))
        gone = participant(D, left=True)
        self.world.tables.rows[gone.id] = gone
        if not self.is_live:
            self.find_the_feed()
        self.do(self.world.relay.handle(ParticipantChanged(gone)))
        self.history.append(ShutOut(at=self.at, reader=leaver.member.name, conversation_id=ROOM))

    @precondition(lambda self: self.processes < 3)
    @rule()
    def kill_the_process(self) -> None:
        """End the process in the middle, and start another one on the same tables."""
        self.changes.clear()
        for reader in [*self.readers, self.stranger]:
            reader.client = None
        self.writer = None
        self.world.end()
        self.is_live = True
        self.do(self._start(self.world))
        self.do(self._come(self.stranger))

    def teardown(self) -> None:
        """Let everybody come back, everything be repeated, and judge."""
        try:
            if hasattr(self, "world"):
                self._end_well()
                self._judge()
                self.world.end()
        finally:
            self.runner.close()

    def _end_well(self) -> None:
        if not self.is_live:
            self.find_the_feed()
        if self.unanswered:
            self.repeat()
        for which in range(3):
            self.come_back(which)
        self.look_into_the_tables()
        while self.changes:
            self.hear(times=1)
        self.send()

    def _judge(self) -> None:
        rows = [
            Row(id=one.id, conversation_id=ROOM, key=one.content, created_at=one.created_at)
            for one in self.world.tables.messages_by_id.values()
        ]
        members = [reader.member for reader in [*self.readers, self.stranger]]
        verdict = check(self.history, rows, members)
        assert verdict.is_good, verdict

    async def _start(self, before: World | None) -> None:
        self.processes += 1
        # Owned by the runner's loop: its end is the end of all.
        self.world = World(cast("asyncio.TaskGroup", asyncio.get_running_loop()), before)
        self.world.clock.advance(0.001)
        await self.world.relay.handle(Live())

    async def _come(self, reader: Reader) -> None:
        """Connect, and load what the reader was told that it may have missed."""
        is_first = reader.connection == 0
        client, reader.connection, reader.noted = self.world.client(), reader.connection + 1, 0
        client.also = frozenset({"auth_success"})
        shown = {"cursor": reader.cursor} if reader.cursor else {}
        capabilities = ["resume"] if reader.member.kind is Kind.CURSOR else []
        token = self.world.mint.hs256(reader.person.auth_id, phone=reader.person.phone)
        welcome = await client.ask("auth", token=token, capabilities=capabilities, **shown)
        assert welcome.type == "auth_success"
        reader.client = client
        if reader.member.kind is Kind.CURSOR:
            reader.cursor = str(welcome.payload["cursor"])
        resumed = bool(welcome.payload["resumed"])
        name = reader.member.name
        self.history.append(
            Came(at=self.at, reader=name, connection=reader.connection, process=str(self.processes), resumed=resumed)
        )
        if not is_first and not resumed and ROOM in reader.member.conversations:
            await self._load(reader, client)

    async def _load(self, reader: Reader, client: Client) -> None:
        page = await client.ask("load_messages", conversationId=ROOM, limit=PAGE)
        while page.type == "messages_loaded":
            ids = tuple(str(one["id"]) for one in page.payload["messages"])
            name = reader.member.name
            self.history.append(Loaded(at=self.at, reader=name, conversation_id=ROOM, message_ids=ids))
            if not page.payload["hasMore"]:
                return
            page = await client.ask("load_more_messages", conversationId=ROOM, beforeMessageId=ids[0], limit=PAGE)

    async def _writer(self) -> Client:
        if self.writer is None:
            self.writer = await self.world.signed_in(B)
        return self.writer

    def _new_key(self) -> str:
        key = f"own {next(self.numbers)}"
        self.unanswered[key] = None
        self.history.append(Sent(at=self.at, key=key, conversation_id=ROOM))
        return key

    def _ask(self, writer: Client, key: str) -> str:
        self.world.clock.advance(0.001)
        return writer.send("send_message", conversationId=ROOM, content=key, clientMessageId=key)

    async def _send(self, key: str) -> None:
        writer = await self._writer()
        self._note_answer(key, await writer.reply(self._ask(writer, key)))

    def _note_answer(self, key: str, answer: Frame) -> None:
        if answer.type == "message_sent":
            self.unanswered.pop(key, None)
            message_id = str(answer.payload["message"]["id"])
            self.history.append(Acknowledged(at=self.at, key=key, message_id=message_id))
            self._queue(self.world.tables.messages_by_id[message_id])  # type: ignore[index]  # a plain id

    def _queue(self, row: Message) -> None:
        """Let the feed have something to say, of own writes too; it knows neither sender nor quote."""
        if self.is_live:
            self.changes.append(MessageInserted(replace(row, sender=None, reply_to=None)))

    def _harvest(self) -> None:
        """Note what the readers were pushed."""
        for reader in [*self.readers, self.stranger]:
            if reader.client is None:
                continue
            new = reader.client.frames[reader.noted :]
            reader.noted = len(reader.client.frames)
            for frame in new:
                if frame.type == "message_received":
                    self._note_push(reader, frame)

    def _note_push(self, reader: Reader, frame: Frame) -> None:
        if reader.member.kind is Kind.CURSOR:
            reader.cursor = frame.request_id
        self.history.append(
            Received(
                at=self.at,
                reader=reader.member.name,
                connection=reader.connection,
                conversation_id=str(frame.payload["message"]["conversation_id"]),
                message_id=str(frame.payload["message"]["id"]),
            )
        )


Protocol.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
TestProtocol = Protocol.TestCase
