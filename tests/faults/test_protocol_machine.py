"""Whatever is sent, lost, cut, withheld, repeated and restarted, in whatever order: the checker finds nothing.

The bridge is the real one in memory, its clients are the emulated ones of tests/world, its end and its beginning anew
keep the tables. The same checker judges as after the trials on real sockets (scripts/chaos/checker.py).
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from bridge.errors import StoreDown
from bridge.feed.changes import ParticipantChanged
from bridge.feed.signals import Live, Lost
from scripts.chaos.history import Acknowledged, Leaving, Repeating, Sent, ShutOut
from tests.faults.staging import QUESTION, Stage
from tests.people import ROOM, C, D, message, participant


class Protocol(Stage, RuleBasedStateMachine):
    """Everything that may happen, in any order."""

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


Protocol.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
TestProtocol = Protocol.TestCase
