"""One trial: people who write and read, a fault meanwhile, and the verdict."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from itertools import cycle

from msgspec import Struct

from scripts.chaos import faults
from scripts.chaos.checker import Member, Verdict, check
from scripts.chaos.faults import Fault, Pace
from scripts.chaos.ground import Ground, Person
from scripts.chaos.history import Event, Kind, Leaving
from scripts.chaos.readers import Reader
from scripts.chaos.recorder import Recorder
from scripts.chaos.writers import LateWriter, LegacyWriter, SocketWriter

LATE_BEHIND = 10
"""Messages of others between a late writer's insert and its commit."""
PROBE_SECONDS = 0.05


class Plan(Struct, frozen=True, kw_only=True):
    """How much of everything.

    Attributes:
        messages: in all.
        socket_writers: over the WebSocket.
        legacy_writers: straight to PostgREST.
        strikes: how often a fault that is over at once happens.
        patience_seconds: how long readers may take to get everything after the last message.

    """

    messages: int
    socket_writers: int = 2
    legacy_writers: int = 1
    strikes: int = 2
    patience_seconds: float = 60.0


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of it."""

    verdict: Verdict
    history: Sequence[Event]


class Cast:
    """The people of one trial and their clients."""

    def __init__(self, ground: Ground, recorder: Recorder) -> None:
        self._ground = ground
        self._recorder = recorder
        self.writers: list[Person] = []
        self.leaver: Person | None = None
        self.readers: list[Reader] = []
        self.stranger: Reader | None = None
        self.conversations: list[str] = []

    async def assemble(self, plan: Plan) -> None:
        """Make everybody, and two conversations: one of all, one of the writers and the reader with a cursor."""
        tables = self._ground.tables
        self.writers = [await tables.person() for _ in range(plan.socket_writers + plan.legacy_writers + 1)]
        audience = {kind: await tables.person() for kind in Kind}
        self.leaver = await tables.person()
        everybody = [*self.writers, *audience.values()]
        big = await tables.conversation([*everybody, self.leaver])
        small = await tables.conversation([*self.writers, audience[Kind.CURSOR]])
        self.conversations = [big, small]
        for kind, person in audience.items():
            entitled = frozenset(self.conversations if kind is Kind.CURSOR else [big])
            self.readers.append(self._reader(kind.value, kind, entitled, person))
        self.readers.append(self._reader("leaver", Kind.CURSOR, frozenset([big]), self.leaver))
        self.stranger = self._reader("stranger", Kind.CURSOR, frozenset(), await tables.person())

    @property
    def everybody(self) -> list[Reader]:
        """Return all who listen, the stranger too."""
        return [*self.readers, *([self.stranger] if self.stranger else [])]

    @property
    def leaving(self) -> Reader:
        """Return the client of who is to leave."""
        return self.readers[-1]

    @property
    def staying(self) -> list[Reader]:
        """Return those who stay members."""
        return self.readers[:-1]

    def _reader(self, name: str, kind: Kind, conversations: frozenset[str], person: Person) -> Reader:
        member = Member(name=name, kind=kind, conversations=conversations)
        return Reader(member, self._ground.url, person.token, self._recorder, self._ground.process)


class Orders:
    """Hands out messages, alternating between the conversations, to all writers together so many a second at most."""

    def __init__(
        self,
        messages: int,
        conversations: Sequence[str],
        *,
        word: str = "message",
        most_per_second: float | None = None,
    ) -> None:
        self._word = word
        self._seconds_each = 1 / most_per_second if most_per_second else 0.0
        self._next_at = time.monotonic()
        self._numbers: Iterator[int] = iter(range(1, messages + 1))
        self._conversations = cycle(conversations)

    async def __call__(self) -> tuple[str, str] | None:
        """Return the next message's key and conversation, when it is due."""
        if self._seconds_each:
            self._next_at = max(self._next_at, time.monotonic()) + self._seconds_each
            await asyncio.sleep(self._next_at - time.monotonic())
        number = next(self._numbers, None)
        return None if number is None else (f"{self._word} {number:06}", next(self._conversations))


async def attempt(
    ground: Ground, fault: Fault, plan: Plan, *, slow_timer: Callable[[], Awaitable[None]] | None = None
) -> Outcome:
    """Run one trial from its first message to the verdict.

    `slow_timer`: what the bridge's own does every half minute, for those who do not want to wait for it.
    """
    recorder = Recorder()
    cast = Cast(ground, recorder)
    await cast.assemble(plan)
    async with asyncio.TaskGroup() as listeners:
        listening = [listeners.create_task(reader.run()) for reader in cast.everybody]
        for reader in cast.everybody:
            await reader.came()
        async with asyncio.TaskGroup() as tasks:
            orders = Orders(plan.messages, cast.conversations, most_per_second=fault.most_per_second)
            for writer in _writers(cast, ground, fault, plan, orders, recorder):
                tasks.create_task(writer.run())
            pace = Pace(ground, recorder, plan.messages, plan.strikes)
            tasks.create_task(faults.run(fault, pace))
            tasks.create_task(_remove_somebody(cast, ground, pace, recorder))
        if slow_timer is not None:
            await slow_timer()
        await _settle(cast, ground, plan, recorder)
        for one in listening:
            one.cancel()
    rows = await ground.tables.rows(cast.conversations)
    verdict = check(recorder.events, rows, [reader.member for reader in cast.readers])
    return Outcome(verdict=verdict, history=recorder.events)


def _writers(
    cast: Cast, ground: Ground, fault: Fault, plan: Plan, orders: Orders, recorder: Recorder
) -> Iterator[SocketWriter | LegacyWriter | LateWriter]:
    sandbox = ground.tables.sandbox
    for number, person in enumerate(cast.writers[:-1]):
        if number < plan.socket_writers:
            yield SocketWriter(ground.url, person.token, orders, recorder)
        else:
            yield LegacyWriter(sandbox, person.user_id, person.token, orders, recorder, cycle(fault.skew_seconds))
    for _ in range(fault.late_writers):
        yield LateWriter(sandbox.database_url, cast.writers[-1].user_id, orders, recorder, LATE_BEHIND)


async def _remove_somebody(cast: Cast, ground: Ground, pace: Pace, recorder: Recorder) -> None:
    """Remove a member in the middle, and let it ask until it is refused: from there on nothing may come."""
    await pace.until(0.5)
    leaving = cast.leaving
    (conversation_id,) = leaving.member.conversations
    recorder.note(Leaving(at=recorder.now(), reader=leaving.member.name, conversation_id=conversation_id))
    if cast.leaver is not None:
        await ground.tables.remove(conversation_id, cast.leaver.user_id)
    while not leaving.is_shut_out:
        await leaving.ask_whether_member(conversation_id)
        await asyncio.sleep(PROBE_SECONDS)


async def _settle(cast: Cast, ground: Ground, plan: Plan, recorder: Recorder) -> None:
    """Wait until the readers have everything; then provoke one more look into the tables, which must tell nothing."""
    try:
        async with asyncio.timeout(plan.patience_seconds):
            await _all_told(cast, ground, recorder)
            await ground.tables.resubscribe()
            closing = Orders(len(cast.conversations), cast.conversations, word="closing")
            await SocketWriter(ground.url, cast.writers[0].token, closing, recorder).run()
            await _all_told(cast, ground, recorder)
    except TimeoutError:
        return  # the verdict says what is missing


async def _all_told(cast: Cast, ground: Ground, recorder: Recorder) -> None:
    rows = await ground.tables.rows(cast.conversations)
    for reader in cast.staying:
        owed = {row.id for row in rows if row.conversation_id in reader.member.conversations}
        await recorder.until_known({reader.member.name}, owed)
