"""Who is here: connections counted for each user, told when it changes, written seldom (contract F35).

Synchronous and in memory. What is to be told and written is fetched by bridge.presence_upkeep. What others write into
the table, legacy writers and other bridges, is heard through the feed. Nobody can see in a row who wrote it, so:

- Somebody is online while a connection of theirs is here, for a grace period after the last one, and while others say
  so: until they say offline, or nothing for so long that they must be dead.
- Whoever hears "offline" about somebody who is here says "online" again. So "offline" is believed only after a grace
  period without contradiction, by the others and by the very bridge that wrote it, unless it is the only one who wrote.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from bridge.clock import Clock
from bridge.events import PresenceChanged
from bridge.models import AuthId, Identity, Presence, PresenceStatus, UserId
from bridge.presence.person import AT_MOST_EVERY_SECONDS, OFFLINE, Person
from bridge.presence.unwritten import Unwritten

BEATS_UNTIL_STALE = 2.5
OBJECTION_SECONDS = 5.0
"""What another bridge needs at most to hear "offline" about somebody who is connected to it, and to write "online"."""
SWEEP_EVERY_SECONDS = 5.0
"""Looking at everybody takes a microsecond each; who has a time limit is looked at in every tick."""


class PresenceState:
    """The people who are here, or elsewhere."""

    def __init__(self, clock: Clock, *, grace_seconds: float, heartbeat_seconds: float) -> None:
        self._clock = clock
        self._grace_seconds = grace_seconds
        self._believed_after_seconds = max(grace_seconds, OBJECTION_SECONDS)
        self._heartbeat_seconds = heartbeat_seconds
        self._people: dict[UserId, Person] = {}
        self._limited: dict[UserId, None] = {}
        self._changed: dict[UserId, None] = {}
        self._unwritten = Unwritten(clock, heartbeat_seconds=heartbeat_seconds)
        self._next_sweep = clock.monotonic()
        self._hearing = False
        self._listens_since = 0.0
        self._has_stock = False
        self.needs_stock = False

    # What happens here

    def connect(self, identity: Identity) -> None:
        """Take in a connection; the first of a user makes it online, unless it is known to be busy elsewhere."""
        person = self._person(identity)
        if not person.is_here:
            person.chosen = person.elsewhere.status if person.elsewhere else PresenceStatus.ONLINE
            self._changed[identity.user_id] = None
            self._unwritten.add(identity.user_id)
        person.identity = identity
        person.connections += 1
        person.leaves_at = person.believed_at = None

    def disconnect(self, user_id: UserId) -> None:
        """Take in that a connection ended; after the last one the grace runs."""
        person = self._people[user_id]
        person.connections -= 1
        if person.connections == 0:
            person.last_seen = self._clock.now()
            person.leaves_at = self._clock.monotonic() + self._grace_seconds
            self._limited[user_id] = None

    def choose(self, user_id: UserId, status: PresenceStatus) -> None:
        """Take in what somebody here says of themselves; it holds for all their connections, and ends with the last."""
        person = self._people.get(user_id)
        if person is not None and person.is_here and person.chosen is not status:
            person.chosen = status
            self._changed[user_id] = None
            self._unwritten.add(user_id)

    def end_overdue(self) -> None:
        """Let go of whoever stayed away, is said to be, or, within seconds, is spoken of no more."""
        now = self._clock.monotonic()
        for user_id in list(self._limited):
            person = self._people[user_id]
            if person.leaves_at is not None and person.leaves_at <= now:
                self._leave(person)
            if person.believed_at is not None and person.believed_at <= now:
                person.believed_at = None
                self._changed[user_id] = None
            if person.leaves_at is None and person.believed_at is None:
                del self._limited[user_id]
        if self._next_sweep <= now:
            self._next_sweep = now + SWEEP_EVERY_SECONDS
            self._sweep()

    # What others write

    def listen(self, *, hearing: bool) -> None:
        """Begin or cease to hear what others write; who is elsewhere stays so while nothing can be heard."""
        self._hearing = hearing
        self._listens_since = self._clock.monotonic()
        self.needs_stock = hearing

    def is_ours(self, row: Presence) -> bool:
        """Tell whether this process has written a row."""
        return self._unwritten.is_ours(row)

    def hear(self, row: Presence) -> None:
        """Take in a row that was written; our own echoes bring nothing new."""
        if self.is_ours(row):
            self._hear_echo(row)
            return
        is_gone = row.status is OFFLINE or self._is_stale(row)
        if is_gone and row.user_id not in self._people:
            return
        # The auth id is not known, and not needed: the rows of others' memberships hold users.id (a foreign key).
        person = self._person(Identity(user_id=row.user_id, auth_id=AuthId(row.user_id)))
        person.heard_at = self._clock.monotonic()
        if is_gone:
            self._hear_gone(person)
        else:
            person.elsewhere, person.believed_at = row, None
            self._changed[row.user_id] = None
        if not person.is_here:
            person.last_seen = row.last_seen or person.last_seen
        elif not is_gone and row.user_id not in self._unwritten:
            person.chosen = row.status

    def alive_since(self) -> datetime:
        """Return since when a row must have been written for its people to be alive."""
        return self._clock.now() - timedelta(seconds=BEATS_UNTIL_STALE * self._heartbeat_seconds)

    def take_stock(self, rows: Iterable[Presence], asked_at: float) -> None:
        """Take in all rows of people who are alive; what the feed has said since the question (monotonic) counts more.

        The first time nobody is told of who is elsewhere: whoever is connected here has connected since.
        """
        self.needs_stock = self._hearing and self._listens_since > asked_at  # deaf meanwhile: something may be missing
        listed: set[UserId] = set()
        for row in rows:
            listed.add(row.user_id)
            known = self._people.get(row.user_id)
            if known is None or known.heard_at <= asked_at:
                self.hear(row)
            if not self._has_stock and known is None and row.user_id in self._people:
                self._people[row.user_id].told = row.status
        for user_id, person in self._people.items():
            if user_id not in listed and person.heard_at <= asked_at:
                self._hear_gone(person)
        self._has_stock = True

    def seen(self, user_id: UserId, row: Presence | None) -> Presence:
        """Return how somebody is: as told, if we can know, else as the row says.

        So that a row which is about to be contradicted does not show somebody as gone of whom nothing will be told.
        """
        person = self._people.get(user_id)
        if person is not None and (person.is_here or self._unwritten.is_pending(user_id) or self._hearing):
            return person.row(person.status, self._clock.now())
        if row is None or self._is_stale(row):
            return Presence(user_id=user_id, status=OFFLINE, last_seen=row.last_seen if row else None)
        return row

    # What is to be told

    def of_newcomer(self, user_id: UserId) -> PresenceChanged | None:
        """Return how somebody is, for those who come to share a conversation with them; None of who is not here."""
        person = self._people.get(user_id)
        if person is None or person.status is OFFLINE:
            return None
        return PresenceChanged(
            user_id=user_id, was=person.status, status=person.status, last_seen=person.seen_at(self._clock.now())
        )

    def untold(self) -> list[Identity]:
        """Return those of whom something is to be told now."""
        now = self._clock.monotonic()
        due: list[Identity] = []
        for user_id in list(self._changed):
            person = self._people.get(user_id)
            if person is None or person.status is person.told:
                del self._changed[user_id]
            elif person.tell_from <= now:
                due.append(person.identity)
        return due

    def take_change(self, user_id: UserId) -> PresenceChanged | None:
        """Return what is to be told of somebody and take it as told; None if it is as it was."""
        person = self._people.get(user_id)
        if person is None or person.status is person.told:
            return None
        was, person.told = person.told, person.status
        person.tell_from = self._clock.monotonic() + AT_MOST_EVERY_SECONDS
        self._changed.pop(user_id, None)
        return PresenceChanged(
            user_id=user_id, was=was, status=person.told, last_seen=person.seen_at(self._clock.now())
        )

    # What is to be written

    def take_unwritten(self) -> list[Presence]:
        """Return the rows that are due for writing; at a heartbeat, of everybody who is here."""
        return self._unwritten.take(self._people)

    def put_off(self, rows: Iterable[Presence]) -> None:
        """Take back rows that could not be written, until the next heartbeat."""
        self._unwritten.put_off(rows, self._people)

    def farewell(self) -> list[Presence]:
        """Return the rows that say that everybody is gone who was here: the process ends."""
        return self._unwritten.farewell(self._people)

    def _person(self, identity: Identity) -> Person:
        return self._people.setdefault(identity.user_id, Person(identity, self._clock.now()))

    def _leave(self, person: Person) -> None:
        person.leaves_at = None
        person.chosen = PresenceStatus.ONLINE
        self._unwritten.add(person.identity.user_id)
        if person.elsewhere is not None:
            self._await_objection(person)
        else:
            self._changed[person.identity.user_id] = None

    def _hear_echo(self, row: Presence) -> None:
        """Let our last row count if others' came before it: of two who write at once, the table decides."""
        person = self._people.get(row.user_id)
        if person is None or row != person.last_row or row.user_id in self._unwritten:
            return
        if person.is_here:
            person.chosen = row.status
            self._changed[row.user_id] = None
        elif person.elsewhere is not None:
            self._await_objection(person)

    def _hear_gone(self, person: Person) -> None:
        if person.is_here:
            self._unwritten.add(person.identity.user_id)
            person.elsewhere = None
        elif person.elsewhere is not None:
            self._await_objection(person)

    def _await_objection(self, person: Person) -> None:
        person.elsewhere = None
        person.believed_at = self._clock.monotonic() + self._believed_after_seconds
        self._limited[person.identity.user_id] = None

    def _sweep(self) -> None:
        """End whoever is spoken of no more, and forget whoever is gone."""
        alive_since = self.alive_since()
        for user_id, person in list(self._people.items()):
            row = person.elsewhere
            if row is not None and self._hearing and (row.last_seen is None or row.last_seen < alive_since):
                person.elsewhere = None
                self._changed[user_id] = None
            is_gone = not person.is_here and person.elsewhere is None and person.believed_at is None
            if is_gone and person.told is OFFLINE and not self._unwritten.is_pending(user_id):
                del self._people[user_id]
                self._changed.pop(user_id, None)

    def _is_stale(self, row: Presence) -> bool:
        return row.last_seen is None or row.last_seen < self.alive_since()
