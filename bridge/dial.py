"""Holds every connection to the rollout: who is to take the legacy path is told so, and closed with a code of its own.

Decided is at `auth`, and again for every open connection when the plan, or the team's provider, has changed.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Set
from dataclasses import dataclass
from typing import Final

import structlog
from msgspec import UNSET, UnsetType

from bridge.authentication import Authenticated, ClientName
from bridge.capabilities import Capability
from bridge.clock import Clock
from bridge.errors import CloseCode, Disconnect
from bridge.events import RolloutChanged
from bridge.history import History
from bridge.models import User
from bridge.outbox import Outbox
from bridge.paths import Decision, Path, Reason
from bridge.pushes import encode_push
from bridge.rollout.asking import Rollout
from bridge.rollout.deciding import Person
from bridge.rows import UserRow

LOOK_EVERY_SECONDS: Final = 0.5
ASK_AGAIN_SECONDS: Final = 60.0
"""A provider of the team's own need not say that it has changed its mind."""
AT_ONCE: Final = 100
"""Connections looked at before others get their turn."""

LEGACY_PATH: Final = Disconnect(CloseCode.LEGACY_PATH, "take the legacy path")

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Seat:
    """A connection that was let in: whose, and by which decision."""

    person: Person
    outbox: Outbox
    decision: Decision
    capabilities: Set[Capability]
    generation: int
    """Which state of plan and provider decided."""

    @property
    def is_aware(self) -> bool:
        """Tell whether the client understands what it is told about the rollout."""
        return Capability.ROLLOUT in self.capabilities

    @property
    def shown(self) -> Decision | UnsetType:
        """Return what `auth_success` says."""
        return self.decision if self.is_aware else UNSET

    def farewell(self, user: UserRow, cursor: str) -> Authenticated:
        """Return what a client is answered that is turned away: who it is, and which path to take."""
        return Authenticated(user=user, capabilities=sorted(self.capabilities), cursor=cursor, rollout=self.shown)


class Dial:
    """The connections of this process, and the rollout that they are held to."""

    def __init__(self, rollout: Rollout, history: History, clock: Clock) -> None:
        self.rollout = rollout
        self._history = history
        self._clock = clock
        self._seats: dict[Outbox, Seat] = {}
        self._generation = 0
        self._asked_at = clock.monotonic()

    @property
    def connections(self) -> dict[Path, int]:
        """Return how many connections there are, by where their users are sent."""
        counts = Counter(seat.decision.path for seat in self._seats.values())
        return {path: counts[path] for path in Path} if self.rollout.is_governed else {}

    async def admit(self, person: Person, capabilities: Set[Capability], outbox: Outbox) -> Seat | None:
        """Decide about a connection that has authenticated; None where nothing decides.

        What has changed by the time it takes its seat is seen by the next `look`.
        """
        if not self.rollout.is_governed:
            return None
        generation = self._generation  # before asking: what changes meanwhile makes this decision an old one
        return Seat(
            person=person,
            outbox=outbox,
            decision=await self.rollout.decide(person),
            capabilities=capabilities,
            generation=generation,
        )

    def turns_away(self, seat: Seat) -> bool:
        """Tell whether a client that comes is not served: old clients that know no other way are, unless forbidden."""
        return seat.decision.path is Path.LEGACY and (seat.is_aware or self._closes_unaware)

    def take(self, seat: Seat | None) -> None:
        """Hold a connection to the rollout from now on."""
        if seat is not None:
            self._seats[seat.outbox] = seat

    def shown(self, outbox: Outbox) -> Decision | UnsetType:
        """Return what `auth_success` says on this connection."""
        seat = self._seats.get(outbox)
        return seat.shown if seat else UNSET

    def turn_away(self, seat: Seat) -> None:
        """End a connection, with the code that says where to go."""
        self.leave(seat.outbox)
        seat.outbox.disconnect(LEGACY_PATH)

    def leave(self, outbox: Outbox) -> None:
        """Forget a connection."""
        self._seats.pop(outbox, None)

    async def run(self) -> None:
        """Look until cancelled."""
        while self.rollout.is_governed:
            await asyncio.sleep(LOOK_EVERY_SECONDS)
            try:
                await self.look()
            except Exception:
                log.exception("rollout.look_failed")

    async def look(self) -> None:
        """Look once whether decisions may be others now, and hold every connection to them."""
        if await asyncio.to_thread(self.rollout.look) or self._is_time_to_ask_again():
            self._generation += 1
            self._asked_at = self._clock.monotonic()
        old = [seat for seat in self._seats.values() if seat.generation != self._generation]
        turned_away = 0
        for number, seat in enumerate(old, start=1):
            turned_away += await self._decide_again(seat)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        if turned_away:
            log.warning("rollout.turned_away", connections=turned_away)

    def _is_time_to_ask_again(self) -> bool:
        return self.rollout.has_own_provider and self._clock.monotonic() - self._asked_at >= ASK_AGAIN_SECONDS

    @property
    def _closes_unaware(self) -> bool:
        plan = self.rollout.plan
        return plan is not None and plan.close_unaware

    async def _decide_again(self, seat: Seat) -> bool:
        """Decide about an open connection again; tell whether it was turned away."""
        generation = self._generation
        decision = await self.rollout.decide(seat.person)
        seat.generation = generation
        if decision.reason is Reason.FALLBACK:
            return False  # the provider is out of order: no reason to send anybody away
        was, seat.decision = seat.decision, decision
        if decision.path is Path.BRIDGE or seat.outbox not in self._seats:
            return False
        if was.path is Path.LEGACY and not self._closes_unaware:
            return False  # an old client that came all the same, and was let in
        if seat.is_aware:
            seat.outbox.put(encode_push(RolloutChanged(decision=decision), self._history.cursor(), self._clock.now()))
        self.turn_away(seat)
        return True


def person_of(user: User, client: ClientName) -> Person:
    """Return whom a decision is about."""
    return Person(user_id=user.id, client=client.name, version=client.version)
