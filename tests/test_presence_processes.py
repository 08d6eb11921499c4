"""Several processes and one table: whatever happens in whatever order, all come to the same and the true opinion."""

from __future__ import annotations

from collections import deque
from itertools import pairwise

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bridge.clock import FakeClock
from bridge.models import Presence, PresenceStatus, UserId
from bridge.presence import BEATS_UNTIL_STALE, PresenceState
from bridge.presence.person import AT_MOST_EVERY_SECONDS
from tests.people import B, C, Person

GRACE, BEAT, STEP = 15.0, 120.0, 0.5
OFFLINE = PresenceStatus.OFFLINE
PEOPLE = (B, C)
PROCESSES = 3


class Bridge:
    """One process: its state, its end of the feed, the statuses its clients were told."""

    def __init__(self, clock: FakeClock) -> None:
        self.state = PresenceState(clock, grace_seconds=GRACE, heartbeat_seconds=BEAT)
        self.feed: deque[Presence] = deque()
        self.told: dict[UserId, list[PresenceStatus]] = {one.user_id: [OFFLINE] for one in PEOPLE}
        self.open = dict.fromkeys((one.user_id for one in PEOPLE), 0)
        self.state.listen(hearing=True)
        self.state.take_stock([], clock.monotonic())

    def tell(self) -> None:
        """Do what the upkeep does with a tick."""
        self.state.end_overdue()
        for identity in self.state.untold():
            change = self.state.take_change(identity.user_id)
            if change is not None:
                assert change.was is self.told[change.user_id][-1]
                self.told[change.user_id].append(change.status)


class Processes(RuleBasedStateMachine):
    """Connections come and go, the feed is late, time passes in steps."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.bridges = [Bridge(self.clock) for _ in range(PROCESSES)]
        self.stays: dict[UserId, bool] = {one.user_id: True for one in PEOPLE}

    @rule(number=st.integers(0, PROCESSES - 1), person=st.sampled_from(PEOPLE))
    def connect(self, number: int, person: Person) -> None:
        """Open a connection."""
        self.bridges[number].state.connect(person.identity)
        self.bridges[number].open[person.user_id] += 1

    @rule(number=st.integers(0, PROCESSES - 1), person=st.sampled_from(PEOPLE))
    def disconnect(self, number: int, person: Person) -> None:
        """Close one, if there is one."""
        if self.bridges[number].open[person.user_id]:
            self.bridges[number].open[person.user_id] -= 1
            self.bridges[number].state.disconnect(person.user_id)

    @rule(
        number=st.integers(0, PROCESSES - 1),
        person=st.sampled_from(PEOPLE),
        status=st.sampled_from([one for one in PresenceStatus if one is not OFFLINE]),
    )
    def choose(self, number: int, person: Person, status: PresenceStatus) -> None:
        """Say something of oneself."""
        if self.bridges[number].open[person.user_id]:
            self.bridges[number].state.choose(person.user_id, status)

    @rule(seconds=st.sampled_from([STEP, 3.0, GRACE, BEAT]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds / STEP)):
            self.step()

    @rule(number=st.integers(0, PROCESSES - 1))
    def hear(self, number: int) -> None:
        """Let the feed bring what it has, at last."""
        self.deliver(self.bridges[number])

    @precondition(lambda self: any(one.feed for one in self.bridges))
    @invariant()
    def nobody_waits_for_long(self) -> None:
        """The feed is late by some changes at most, for beyond that nothing is promised."""
        for one in self.bridges:
            while len(one.feed) > 3:
                one.state.hear(one.feed.popleft())

    def teardown(self) -> None:
        """When all is quiet, everybody thinks what is true of each person, and each change was told once."""
        for _ in range(int((2 * GRACE + 2 * BEAT) / STEP)):
            self.step()
            for one in self.bridges:
                self.deliver(one)
        for person in PEOPLE:
            is_here = any(one.open[person.user_id] for one in self.bridges)
            opinions = {one.told[person.user_id][-1] for one in self.bridges}
            assert {opinion is not OFFLINE for opinion in opinions} == {is_here}, opinions
            assert len(opinions) == 1
        for told in (told for one in self.bridges for told in one.told.values()):
            assert all(before is not after for before, after in pairwise(told))

    def step(self) -> None:
        """Let every process tick and write; each row goes to everybody's feed, the writer's too."""
        self.clock.advance(STEP)
        for one in self.bridges:
            self.clock.advance(1e-6)  # two processes never write in the same microsecond
            one.tell()
            for row in one.state.take_unwritten():
                for other in self.bridges:
                    other.feed.append(row)

    def deliver(self, one: Bridge) -> None:
        """Bring one process everything that was written."""
        while one.feed:
            one.state.hear(one.feed.popleft())


TestProcesses = Processes.TestCase
# Not shrunk: a failure is long as it is, and each try replays an hour.
TestProcesses.settings = settings(max_examples=60, stateful_step_count=25, deadline=None, phases=(Phase.generate,))


def test_somebody_with_a_connection_to_each_of_two_who_closes_one_is_no_news() -> None:
    """The other objects to "offline"; only when that one closes too is it told, everywhere and once."""
    clock = FakeClock()
    processes = Processes()
    processes.clock, processes.bridges = clock, [Bridge(clock) for _ in range(PROCESSES)]
    processes.connect(0, B)
    settle(processes, AT_MOST_EVERY_SECONDS)
    processes.connect(1, B)
    settle(processes, BEAT)
    processes.disconnect(0, B)
    settle(processes, BEATS_UNTIL_STALE * BEAT)
    assert [one.told[B.user_id] for one in processes.bridges] == [["offline", "online"]] * PROCESSES
    processes.disconnect(1, B)
    settle(processes, 2 * GRACE)
    assert [one.told[B.user_id] for one in processes.bridges] == [["offline", "online", "offline"]] * PROCESSES


def settle(processes: Processes, seconds: float) -> None:
    """Let time pass with a prompt feed."""
    for _ in range(int(seconds / STEP)):
        processes.step()
        for one in processes.bridges:
            processes.deliver(one)
