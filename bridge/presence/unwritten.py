"""Which presence rows are to be written, when, and which of the rows that are heard of are our own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bridge.clock import Clock
from bridge.models import Presence, UserId
from bridge.presence.person import AT_MOST_EVERY_SECONDS, OFFLINE, Person
from bridge.recent import Recent

OWN_ROWS_REMEMBERED = 100_000

People = Mapping[UserId, Person]


class Unwritten:
    """The people whose rows are due, and the rows that this process has written."""

    def __init__(self, clock: Clock, *, heartbeat_seconds: float) -> None:
        self._clock = clock
        self._heartbeat_seconds = heartbeat_seconds
        self._due: dict[UserId, None] = {}
        self._being_written: frozenset[UserId] = frozenset()
        self._own_rows: Recent[Presence, bool] = Recent(OWN_ROWS_REMEMBERED)
        self._next_beat = clock.monotonic() + heartbeat_seconds

    def __contains__(self, user_id: UserId) -> bool:
        return user_id in self._due

    def add(self, user_id: UserId) -> None:
        """Have somebody's row written as soon as it may be."""
        self._due[user_id] = None

    def is_pending(self, user_id: UserId) -> bool:
        """Tell whether somebody's row is due, or on its way into the table."""
        return user_id in self._due or user_id in self._being_written

    def is_ours(self, row: Presence) -> bool:
        """Tell whether this process has written a row."""
        return row in self._own_rows

    def take(self, people: People) -> list[Presence]:
        """Return the rows that are due now; at a heartbeat, of everybody who is here."""
        now = self._clock.monotonic()
        if self._next_beat <= now:
            self._next_beat = now + self._heartbeat_seconds
            self._due.update((user_id, None) for user_id, person in people.items() if person.is_here)
        due = [user_id for user_id in self._due if people[user_id].write_from <= now]
        for user_id in due:
            del self._due[user_id]
            people[user_id].write_from = now + AT_MOST_EVERY_SECONDS
        self._being_written = frozenset(due)
        written = [people[user_id] for user_id in due]
        rows = [one.row(one.chosen if one.is_here else OFFLINE, self._clock.now()) for one in written]
        for person, row in zip(written, rows, strict=True):
            person.last_row = row
        return self._remembered(rows)

    def put_off(self, rows: Iterable[Presence], people: People) -> None:
        """Take back rows that could not be written, until the next heartbeat."""
        for row in rows:
            self._due[row.user_id] = None
            people[row.user_id].write_from = self._next_beat

    def farewell(self, people: People) -> list[Presence]:
        """Return the rows that say that everybody is gone who was here."""
        ours = [person for user_id, person in people.items() if person.is_here or self.is_pending(user_id)]
        return self._remembered([person.row(OFFLINE, self._clock.now()) for person in ours])

    def _remembered(self, rows: Sequence[Presence]) -> list[Presence]:
        """Remember rows before they are written, for the echo may come before the answer."""
        for row in rows:
            self._own_rows.put(row, True)  # only the key matters
        return list(rows)
