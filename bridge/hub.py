"""Who receives what in this process: one event, encoded once, to every socket of every member, exactly once.

Synchronous: nothing here waits, so nothing can come between a decision and its delivery. The hub alone drops repeats:
our own write and its echo from the feed carry the same key (style 7.10, contract F29).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Set
from datetime import datetime
from typing import Protocol

import structlog

from bridge.absent import LOOKED_FOR, Absent
from bridge.capabilities import Capability
from bridge.clock import Clock
from bridge.events import Event, Topicless, as_seen_by, is_personal
from bridge.history import MAX_AGE_SECONDS, History
from bridge.measures import Measures
from bridge.models import ConversationId, Identity
from bridge.pushes import encode_push, is_kept, push_type, required_capability
from bridge.recent import Recent
from bridge.reservations import Reservation, Reservations
from bridge.told import Told

REMEMBERED_KEYS = 100_000
CONVERSATIONS_WITH_REMOVALS = 20_000
REMOVAL_REMEMBERED_SECONDS = 60.0
"""Longer than anything that was begun with the members of that moment: writes, receipts, typing."""

log = structlog.get_logger(__name__)


class Receiver(Protocol):
    """Something with a socket behind it."""

    @property
    def identity(self) -> Identity:
        """Return whose socket it is."""
        ...

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what the client understands beyond the old types; the same as long as the receiver is attached."""
        ...

    def takes(self, event: Event) -> bool:
        """Tell whether this event is for this receiver, of all the sockets of the people it concerns."""
        ...

    def deliver(self, frame: str) -> None:
        """Take a frame for sending; never waits, never raises."""
        ...


class Hub:
    """Receivers by user id, and what was already delivered."""

    def __init__(
        self,
        clock: Clock,
        history: History,
        measures: Measures | None = None,
        *,
        remembered_keys: int = REMEMBERED_KEYS,
    ) -> None:
        self._clock = clock
        self._measures = measures or Measures()
        self._history = history
        self._receivers: dict[str, set[Receiver]] = {}
        self._since: dict[Receiver, int] = {}
        self._understood: Counter[Capability] = Counter()
        self._absent = Absent(clock, max_age_seconds=MAX_AGE_SECONDS)
        self._removed: Recent[ConversationId, Set[str]] = Recent(
            CONVERSATIONS_WITH_REMOVALS, clock=clock, max_age_seconds=REMOVAL_REMEMBERED_SECONDS
        )
        self._told = Told(remembered_keys)
        self._reservations = Reservations()

    def attach(self, receiver: Receiver, *, since: int | None = None) -> None:
        """Deliver to this receiver whatever concerns one of its identity's ids.

        `since`: the first place, in what is told, that its client does not know of yet, if that is not the next one.
        """
        if receiver not in self._since:
            here = self._history.sequence + 1 if since is None else since
            before = self.looked_since(receiver.identity, receiver.capabilities)
            self._since[receiver] = here if before is None else min(here, before)
            self._understood.update(receiver.capabilities)
        for user_id in receiver.identity.ids:
            self._receivers.setdefault(user_id, set()).add(receiver)

    def detach(self, receiver: Receiver) -> None:
        """Deliver nothing more to this receiver; its client may come back."""
        since = self._since.pop(receiver, None)
        if since is not None:
            self._understood.subtract(receiver.capabilities)
            self._absent.expect(receiver.identity, receiver.capabilities, since)
        for user_id in receiver.identity.ids:
            receivers = self._receivers.get(user_id)
            if receivers is not None:
                receivers.discard(receiver)
                if not receivers:
                    del self._receivers[user_id]

    def expect(self, identity: Identity, capabilities: frozenset[Capability]) -> None:
        """Find out from now on what somebody is to be told who is about to come, and keep it."""
        self._absent.expect(identity, capabilities, self._history.sequence + 1)

    def looked_since(self, identity: Identity, capabilities: Set[Capability]) -> int | None:
        """Return from which place on everything was found out that a client of somebody is to be told.

        None: it is not, for nobody is here or expected who wants to know; before the place nobody was.
        """
        wanted = capabilities & LOOKED_FOR
        receivers = self._receivers.get(identity.user_id, ())
        places = [self._since[one] for one in receivers if wanted <= one.capabilities]
        absent = self._absent.since(identity, wanted)
        return min(places, default=None) if absent is None else min((absent, *places))

    def has_others(self, identity: Identity) -> bool:
        """Tell whether anybody else is here to be told something."""
        return len(self._receivers) > sum(one in self._receivers for one in identity.ids)

    def is_understood(self, capability: Capability) -> bool:
        """Tell whether any client at all has this capability: if none has, nothing needs to be asked for its pushes.

        Those count that may come back and be told then.
        """
        return self._understood[capability] > 0 or self._absent.understand(capability)

    def listeners(self, people: Set[str], capability: Capability) -> frozenset[Identity]:
        """Return who of these people, by any of their ids, is here with a client that has this capability.

        Whoever may come back is as good as here: what is published is kept for them.
        """
        if not self.is_understood(capability):
            return frozenset()
        here = (one.identity for one in self._concerned(people) if capability in one.capabilities)
        return frozenset((*here, *self._absent.among(people, capability)))

    @property
    def users(self) -> int:
        """Return how many people are here, by their users.id and auth ids."""
        return len({receiver.identity for receivers in self._receivers.values() for receiver in receivers})

    @property
    def receivers(self) -> int:
        """Return how many receivers are attached."""
        return len({receiver for receivers in self._receivers.values() for receiver in receivers})

    def remove(self, topic: ConversationId, ids: Set[str]) -> None:
        """Deliver nothing of this conversation to these participants any more (contract F8).

        What was begun while they were members, a slow write or typing, names them as members still.
        """
        self._removed.put(topic, (self._removed.get(topic) or frozenset()) | ids)
        for reservation in self._reservations.of(topic):
            reservation.removed |= ids

    def readmit(self, topic: ConversationId, ids: Set[str]) -> None:
        """Deliver to them again."""
        removed = self._removed.get(topic)
        self._removed.discard(topic)
        if removed is not None and not removed <= ids:
            self._removed.put(topic, removed - ids)
        for reservation in self._reservations.of(topic):
            reservation.removed -= ids

    def present(self, topic: ConversationId, members: Set[str]) -> Set[str]:
        """Return those of the members who were not removed since."""
        removed = self._removed.get(topic)
        return members if removed is None else members - removed

    def readmit_all(self) -> None:
        """Forget who was removed: after a gap in the feed nobody knows who is back."""
        self._removed.clear()

    def has_seen(self, key: str | None) -> bool:
        """Tell whether publishing this key would be a repeat."""
        return key is not None and self._told.has(key)

    def is_on_its_way(self, topic: ConversationId, key: str) -> bool:
        """Tell whether a write of our own with this key is not told yet."""
        return (topic, key) in self._reservations

    def pass_over(self, key: str) -> None:
        """Take an event as delivered without delivering it."""
        self._told.pass_over(key)

    def restore(self, key: str) -> bool:
        """Take back that an event was passed over; return whether it is now to be told for the first time."""
        return self._told.restore(key)

    def reserve(self, topic: ConversationId, key: str, at: datetime) -> Reservation:
        """Take the next place in a conversation's order for a write, with this time, that is about to begin."""
        reservation = Reservation(topic, key, at, self._told.moment, self._release)
        self._reservations.add(reservation)
        return reservation

    def when_told(self, then: Callable[[], None]) -> None:
        """Call `then` as soon as all writes of our own that are on their way now are told, or given up."""
        self._reservations.when_told(then)

    def publish(self, event: Event, members: Set[str], *, after: str | None = None) -> None:
        """Deliver an event that somebody else caused, or that catch-up found; a repeat is dropped.

        `after`: the key of what it follows; if that is a write of our own on its way, the event waits for it.
        """
        if not self._reservations.hold_back(event, members, after):
            self._send(event, members)

    def broadcast(self, event: Event) -> None:
        """Deliver an event that concerns everybody, like the state of this process."""
        self._send(event, self._receivers.keys())

    def _release(self, reservation: Reservation) -> None:
        """Publish everything of that conversation which no longer waits for an earlier write."""
        for event, members, since in self._reservations.release(reservation.topic):
            self._send(event, members, since=since)

    def _send(self, event: Event, members: Set[str], *, since: int = 0) -> None:
        is_repeat = event.key is not None and self._told.has(event.key, since=since)
        if is_repeat or not (is_kept(event) or self._is_for_anybody(event)):
            return
        present = members if isinstance(event, Topicless) else self.present(event.topic, members)
        receivers = {receiver for receiver in self._concerned(present) if receiver.takes(event)}
        if not receivers and not is_kept(event):
            return  # somebody's coming, say, in conversations that nobody has open
        cursor = self._history.record(event, present) if is_kept(event) else self._history.cursor()
        try:
            frames = self._frames(event, receivers, cursor)
        except Exception:
            # Raised, it would hit whoever happened to release the line, and hold up those that stand behind it.
            log.exception("hub.event_lost", key=event.key)
            self._history.take_back(cursor)
            return
        if event.key is not None:
            self._told.tell(event.key)
        name = push_type(event)
        self._measures.pushes.add(name)
        self._measures.deliveries.add(name, by=len(receivers))
        for receiver, frame in frames:
            receiver.deliver(frame)

    def _frames(self, event: Event, receivers: Set[Receiver], cursor: str) -> Iterable[tuple[Receiver, str]]:
        """Encode once for all, or, what is sealed, once for each person (style section 5.9)."""
        now = self._clock.now()
        if not is_personal(event):
            frame = encode_push(event, cursor, now)
            return [(receiver, frame) for receiver in receivers]
        viewers = {receiver.identity for receiver in receivers}
        frames = {viewer: encode_push(as_seen_by(viewer, event), cursor, now) for viewer in viewers}
        return [(receiver, frames[receiver.identity]) for receiver in receivers]

    def _is_for_anybody(self, event: Event) -> bool:
        """Tell whether any client that is here knows such an event."""
        required = required_capability(event)
        return required is None or self._understood[required] > 0

    def _concerned(self, members: Set[str]) -> Iterator[Receiver]:
        # Of a large room few may be here, and of all that are here few in the room: the shorter one is gone through.
        for user_id in self._receivers.keys() & members:
            yield from self._receivers[user_id]
