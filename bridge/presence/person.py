"""What is known of one user: connections here, what others say, and what was told and written of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from bridge.models import Identity, Presence, PresenceStatus

AT_MOST_EVERY_SECONDS = 2.0
"""For one person, of tellings and of writes: a client that says away and online in turns is no flood."""

OFFLINE = PresenceStatus.OFFLINE


@dataclass(slots=True)
class Person:
    """What is known of one user; times are monotonic unless they are datetimes."""

    identity: Identity
    last_seen: datetime | None
    connections: int = 0
    chosen: PresenceStatus = PresenceStatus.ONLINE
    told: PresenceStatus = OFFLINE
    leaves_at: float | None = None
    elsewhere: Presence | None = None
    heard_at: float = 0.0
    believed_at: float | None = None
    tell_from: float = 0.0
    write_from: float = 0.0
    last_row: Presence | None = None

    @property
    def is_here(self) -> bool:
        """Tell whether a connection is here, or was within the grace period."""
        return self.connections > 0 or self.leaves_at is not None

    @property
    def status(self) -> PresenceStatus:
        """Return how this person is, as far as can be known."""
        if self.is_here:
            return self.chosen
        if self.elsewhere is not None:
            return self.elsewhere.status
        return OFFLINE if self.believed_at is None else self.told

    def seen_at(self, now: datetime) -> datetime | None:
        """Return the last sign of life: while a connection is here, now."""
        return now if self.connections else self.last_seen

    def row(self, status: PresenceStatus, now: datetime) -> Presence:
        """Return the row that says so."""
        return Presence(user_id=self.identity.user_id, status=status, last_seen=self.seen_at(now))
