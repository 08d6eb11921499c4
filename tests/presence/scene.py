"""A process that knows who is here: its state, a clock, and what it has told and written."""

from __future__ import annotations

from datetime import datetime, timedelta

from bridge.clock import FakeClock
from bridge.models import Identity, Presence, PresenceStatus
from bridge.presence import BEATS_UNTIL_STALE, PresenceState
from tests.people import B, Person

GRACE, BEAT = 15.0, 120.0
STALE = BEATS_UNTIL_STALE * BEAT
ONLINE, AWAY, BUSY, OFFLINE = PresenceStatus


class Scene:
    """A presence state with a clock, and what it has told and written."""

    def __init__(self, *, grace: float = GRACE) -> None:
        self.clock = FakeClock()
        self.state = PresenceState(self.clock, grace_seconds=grace, heartbeat_seconds=BEAT)

    def arrive(self, person: Person = B) -> None:
        """Open a connection."""
        self.state.connect(person.identity)

    def depart(self, person: Person = B) -> None:
        """Close a connection."""
        self.state.disconnect(person.user_id)

    def listen(self, *rows: Presence) -> None:
        """Begin to hear what others write; these rows are there already."""
        self.state.listen(hearing=True)
        self.state.take_stock(rows, self.clock.monotonic())

    def wait(self, seconds: float) -> None:
        """Let time pass, as the upkeep sees it."""
        self.clock.advance(seconds)
        self.state.end_overdue()

    def told(self) -> list[tuple[Identity, PresenceStatus, PresenceStatus]]:
        """Return who changed from what to what since the last look."""
        self.state.end_overdue()
        due = [(one, self.state.take_change(one.user_id)) for one in self.state.untold()]
        return [(one, change.was, change.status) for one, change in due if change]

    def written(self) -> list[PresenceStatus]:
        """Return the states of the rows that are due for writing now."""
        return [row.status for row in self.state.take_unwritten()]

    def row(self, status: PresenceStatus, *, age: float = 0.0, person: Person = B) -> Presence:
        """Return a row that somebody else wrote."""
        return row(status, self.clock.now() - timedelta(seconds=age), person)

    def hear(self, status: PresenceStatus, *, age: float = 0.001, person: Person = B) -> None:
        """Hear of such a row."""
        self.state.hear(self.row(status, age=age, person=person))


def row(status: PresenceStatus, last_seen: datetime | None, person: Person = B) -> Presence:
    """Return a row of a person."""
    return Presence(user_id=person.user_id, status=status, last_seen=last_seen)


CAME, WENT = (B.identity, OFFLINE, ONLINE), (B.identity, ONLINE, OFFLINE)
