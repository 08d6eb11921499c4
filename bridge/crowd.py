"""How many may be here, and how fast they may send: sockets by address and in all, connections by user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bridge.addresses import Address, Network, who_counts
from bridge.clock import Clock
from bridge.errors import CloseCode, Disconnect
from bridge.outbox import Outbox
from bridge.rates import Buckets, Rate
from bridge.refusals import Refusal


class Doors:
    """The open sockets of each address and of all together, authenticated or not."""

    def __init__(self, *, max_sockets: int, max_per_address: int) -> None:
        self._max_sockets = max_sockets
        self._max_per_address = max_per_address
        self._by_address: Counter[Address | Network] = Counter()
        self._sockets = 0

    def refusal(self, address: Address | None) -> Refusal | None:
        """Tell why nobody more may come in from this address, if so."""
        if self._sockets >= self._max_sockets:
            return Refusal.FULL
        if address is not None and self._by_address[who_counts(address)] >= self._max_per_address:
            return Refusal.ADDRESS_FULL
        return None

    @contextmanager
    def inside(self, address: Address | None) -> Iterator[None]:
        """Count a socket while the block runs; to be entered without waiting after `refusal` was asked."""
        who = None if address is None else who_counts(address)
        self._sockets += 1
        if who is not None:
            self._by_address[who] += 1
        try:
            yield
        finally:
            self._sockets -= 1
            if who is not None:
                self._by_address[who] -= 1
                if not self._by_address[who]:
                    del self._by_address[who]

    def __len__(self) -> int:
        return self._sockets


@dataclass(frozen=True, slots=True, kw_only=True)
class UserLimits:
    """What all connections of one user may use together."""

    max_connections: int
    frames: Rate


class Guests:
    """The authenticated connections of each user, the oldest first."""

    def __init__(self, limits: UserLimits, clock: Clock) -> None:
        self._limits = limits
        self._here: dict[str, dict[Outbox, None]] = {}
        self._buckets: Buckets[str] = Buckets(limits.frames, clock)

    def arrive(self, user_id: str, outbox: Outbox) -> None:
        """Take a connection in; beyond the limit the oldest has to go.

        The newest is the one that somebody looks at. The oldest may be long dead, and nobody has noticed yet.
        """
        here = self._here.setdefault(user_id, {})
        here[outbox] = None
        if len(here) > self._limits.max_connections:
            oldest = next(iter(here))
            del here[oldest]
            oldest.disconnect(Disconnect(CloseCode.REPLACED, "too many connections"))

    def leave(self, user_id: str, outbox: Outbox) -> None:
        """Forget a connection; one that had to go is forgotten already."""
        here = self._here.get(user_id, {})
        here.pop(outbox, None)
        if not here:
            self._here.pop(user_id, None)

    def is_here(self, user_id: str) -> bool:
        """Tell whether the user has a connection, as far as has been noticed."""
        return user_id in self._here

    def may_send(self, user_id: str) -> bool:
        """Take one of the frames that the user's connections may send together; tell whether one was left."""
        return self._buckets.take(user_id)

    def seconds_until_next(self, user_id: str) -> float:
        """Return after how long a user who may not send may do so again, if nothing is sent meanwhile."""
        return self._buckets.seconds_until_next(user_id)
