"""Who may come back with a cursor: what they are to be told then has to be found out and kept, as if they were here.

Much is asked only if somebody is here whose client wants to know: what a list looks like now, what was edited. Without
those who have just left, coming back would mean to be told of some things and not of others. And it is known since when
that is so: who was not waited for, for too long or for want of room, begins anew, however little was told meanwhile.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Set
from typing import Final, NamedTuple

from bridge.capabilities import Capability
from bridge.clock import Clock
from bridge.models import Identity, UserId

CAPACITY: Final = 20_000
LOOKED_FOR: Final = frozenset({Capability.MESSAGE_CHANGES, Capability.CONVERSATIONS, Capability.MEMBERS})
"""What brings pushes that are found out only where somebody wants them; all others that are kept, always are."""


class _One(NamedTuple):
    left_at: float
    identity: Identity
    since: Mapping[Capability, int]
    """What their clients understand, and from which place on, in what is told, somebody looked for it."""


class Absent:
    """The people whose clients left lately and can show a cursor, with all that these understand."""

    def __init__(self, clock: Clock, *, max_age_seconds: float, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._max_age_seconds = max_age_seconds
        self._capacity = capacity
        self._people: OrderedDict[UserId, _One] = OrderedDict()
        self._user_of: dict[str, UserId] = {}
        self._understood: Counter[Capability] = Counter()

    def __len__(self) -> int:
        self._forget_oldest()
        return len(self._people)

    def expect(self, identity: Identity, capabilities: frozenset[Capability], since: int) -> None:
        """Take in that a client of somebody left, for whom was looked since this place.

        One that could not show a cursor begins anew anyway.
        """
        self._forget_oldest()
        if Capability.RESUME not in capabilities:
            return
        before = self._forget(identity.user_id)
        together = dict.fromkeys(capabilities, since)
        for capability, place in before.since.items() if before else ():
            together[capability] = min(place, together.get(capability, place))
        self._people[identity.user_id] = _One(self._clock.monotonic(), identity, together)
        self._user_of.update(dict.fromkeys(identity.ids, identity.user_id))
        self._understood.update(together.keys())
        self._forget_oldest()

    def since(self, identity: Identity, wanted: Set[Capability]) -> int | None:
        """Return from which place on all of this was looked for; None if they are not expected, or not with all."""
        self._forget_oldest()
        found = self._people.get(identity.user_id)
        if found is None or not wanted <= found.since.keys():
            return None
        return max((found.since[one] for one in wanted), default=0)

    def understand(self, capability: Capability) -> bool:
        """Tell whether any of them has a client with this capability."""
        self._forget_oldest()
        return self._understood[capability] > 0

    def among(self, people: Set[str], capability: Capability) -> Iterator[Identity]:
        """Yield who of these people, by any of their ids, has a client with this capability; some perhaps twice."""
        if self.understand(capability):
            users = (self._user_of[one] for one in people if one in self._user_of)
            yield from (found.identity for one in users if capability in (found := self._people[one]).since)

    def _forget_oldest(self) -> None:
        now = self._clock.monotonic()
        while self._people:
            user_id, oldest = next(iter(self._people.items()))
            if now - oldest.left_at <= self._max_age_seconds and len(self._people) <= self._capacity:
                return
            self._forget(user_id)

    def _forget(self, user_id: UserId) -> _One | None:
        found = self._people.pop(user_id, None)
        if found is not None:
            self._understood.subtract(found.since.keys())
            for one in found.identity.ids:
                self._user_of.pop(one, None)
        return found
