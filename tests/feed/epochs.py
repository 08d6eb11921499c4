"""An epoch that has no connection, and what its client would hand over."""

from __future__ import annotations

from typing import cast

from realtime.types import PostgresChangesPayload

from bridge.clock import FakeClock
from bridge.feed.canary import Canary
from bridge.feed.supabase.epoch import Epoch
from bridge.measures import Measures

SOON = 5.0


def epoch(clock: FakeClock | None = None) -> Epoch:
    """Return an epoch that has no connection."""
    clock = clock or FakeClock()
    return Epoch("http://localhost:1", "key", clock, Measures(), Canary("row", clock))


def event(**data: object) -> PostgresChangesPayload:
    """Return a change as the client hands it over."""
    return cast("PostgresChangesPayload", {"ids": [1], "data": data})
