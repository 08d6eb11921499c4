"""A bridge in memory with its clients, and the history of what they sent and got, for trials of faults."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import TypeVar, cast

from msgspec.structs import replace

from bridge.feed.changes import MessageInserted
from bridge.feed.signals import Live
from bridge.models import Message
from scripts.chaos.checker import Member, check
from scripts.chaos.history import Acknowledged, Came, Event, Kind, Loaded, Received, Row, Sent
from tests.emulated_w1 import Frame
from tests.people import ROOM, A, B, C, D, Person, X
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


class Stage:
    """A bridge, a writer, three readers and a stranger."""

    def __init__(self) -> None:
        super().__init__()  # of the state machine, where one stands here
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

    def _judge(self) -> None:
        rows = [
            Row(id=one.id, conversation_id=ROOM, key=one.content, created_at=one.created_at)
            for one in self.world.tables.messages_by_id.values()
        ]
        members = [reader.member for reader in [*self.readers, self.stranger]]
        verdict = check(self.history, rows, members)
        assert verdict.is_good, verdict
