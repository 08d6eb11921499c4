"""Judges a history, in the manner of Jepsen: no clocks, no I/O, only what was noted.

What is promised (docs/protocol.md, "Order and delivery", "Sending once", "Reconnecting"):

- a message that was acknowledged is in the table, once;
- every message in the table reaches every reader that is a member: pushed, or in a page that the reader loaded because
  it knew of a gap. A message that only a look into the table finds is lost for its reader;
- it is pushed once: to each connection, and to a reader that shows cursors once by each process of the bridge;
- messages sent through the bridge are pushed in the order of their times, and one process tells any two readers in the
  same order. A message that its writer had to repeat may be late: the write was interrupted, and what became of it was
  not known when the next one was told;
- nothing is pushed to who is no member, and nothing that is not in the table.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import combinations, pairwise
from typing import TypeVar

from msgspec import Struct

from scripts.chaos.history import (
    Acknowledged,
    Came,
    Event,
    Healed,
    Kind,
    Leaving,
    Loaded,
    Received,
    Repeating,
    Row,
    Sent,
    ShutOut,
    Struck,
)

OWN_VERSION = "8"
"""Of the bridge's own row ids (docs/design.md); those of legacy writers are of version 4."""

E = TypeVar("E", bound=Event)


class Member(Struct, frozen=True, kw_only=True):
    """A reader and what it is entitled to from the beginning."""

    name: str
    kind: Kind
    conversations: frozenset[str]


class Missed(Struct, frozen=True, order=True):
    """A message that a reader never got, though it is in the table."""

    reader: str
    message_id: str


class Repeated(Struct, frozen=True, order=True):
    """A message that was pushed once more to a reader than it should."""

    reader: str
    message_id: str


class Disordered(Struct, frozen=True, order=True):
    """A message that a reader was told after one that should have come later."""

    reader: str
    earlier: str
    later: str


class Leaked(Struct, frozen=True, order=True):
    """A message that was pushed to somebody who was no member."""

    reader: str
    message_id: str


class Verdict(Struct, frozen=True, kw_only=True):
    """What is wrong; nothing, if all are empty.

    Attributes:
        messages: how many are in the table.
        acknowledged: how many were acknowledged.
        vanished: keys that were acknowledged and are not in the table.
        doubled: keys that are in the table more than once, or were acknowledged with two ids.
        late: ids of messages that came after one with a later time, for their writes were interrupted; no fault.
        invented: message ids that were pushed and are not in the table.
        recovery_seconds: see `recovery_seconds`; None without a fault.

    """

    messages: int
    acknowledged: int
    vanished: Sequence[str] = ()
    doubled: Sequence[str] = ()
    missed: Sequence[Missed] = ()
    repeated: Sequence[Repeated] = ()
    disordered: Sequence[Disordered] = ()
    late: Sequence[str] = ()
    leaked: Sequence[Leaked] = ()
    invented: Sequence[str] = ()
    recovery_seconds: float | None = None

    @property
    def lost(self) -> int:
        """Return how many messages are lost: for everybody, or for one of the readers."""
        return len(self.vanished) + len({one.message_id for one in self.missed})

    @property
    def duplicated(self) -> int:
        """Return how many messages are there, or were told, more than once."""
        return len(self.doubled) + len({one.message_id for one in self.repeated})

    @property
    def out_of_order(self) -> int:
        """Return how many messages came after one that should have come later."""
        return len({one.earlier for one in self.disordered})

    @property
    def is_good(self) -> bool:
        """Tell whether every promise was kept."""
        broken = (*self.vanished, *self.doubled, *self.missed, *self.repeated, *self.disordered, *self.leaked)
        return not broken and not self.invented


def check(history: Sequence[Event], rows: Sequence[Row], members: Sequence[Member]) -> Verdict:
    """Hold a history against the table at its end and against what is promised."""
    untimely = set(_against_the_times(history, rows))
    repeated_keys = {one.key for one in _of(history, Repeating)}
    repeated = {row.id for row in rows if row.key in repeated_keys}
    return Verdict(
        messages=len(rows),
        acknowledged=len({one.key for one in _of(history, Acknowledged)}),
        vanished=sorted(_vanished(history, rows)),
        doubled=sorted(_doubled(history, rows)),
        missed=sorted(_missed(history, rows, members)),
        repeated=sorted(_repeated(history, members)),
        disordered=sorted({*(one for one in untimely if one.earlier not in repeated), *_disagreements(history)}),
        late=sorted({one.earlier for one in untimely} & repeated),
        leaked=sorted(_leaked(history, members)),
        invented=sorted({one.message_id for one in _of(history, Received)} - {row.id for row in rows}),
        recovery_seconds=recovery_seconds(history),
    )


def _of(history: Iterable[Event], kind: type[E]) -> Iterable[E]:
    return (event for event in history if isinstance(event, kind))


def _vanished(history: Sequence[Event], rows: Sequence[Row]) -> Set[str]:
    there = {(row.key, row.id) for row in rows}
    return {one.key for one in _of(history, Acknowledged) if (one.key, one.message_id) not in there}


def _doubled(history: Sequence[Event], rows: Sequence[Row]) -> Set[str]:
    ids: defaultdict[str, set[str]] = defaultdict(set)
    for row in rows:
        ids[row.key].add(row.id)
    for one in _of(history, Acknowledged):
        ids[one.key].add(one.message_id)
    return {key for key, found in ids.items() if len(found) > 1}


def _missed(history: Sequence[Event], rows: Sequence[Row], members: Sequence[Member]) -> Iterable[Missed]:
    got: defaultdict[str, set[str]] = defaultdict(set)
    for push in _of(history, Received):
        got[push.reader].add(push.message_id)
    for page in _of(history, Loaded):
        got[page.reader].update(page.message_ids)
    left = {(one.reader, one.conversation_id) for one in _of(history, Leaving)}
    for member in members:
        owed = (row for row in rows if row.conversation_id in member.conversations)
        for row in owed:
            if row.id not in got[member.name] and (member.name, row.conversation_id) not in left:
                yield Missed(member.name, row.id)


def _repeated(history: Sequence[Event], members: Sequence[Member]) -> Iterable[Repeated]:
    """Find repeats. Those that the bridge tells old clients again after an `auth` are no harm: they know the ids."""
    kinds = {member.name: member.kind for member in members}
    processes = _processes(history)
    times: Counter[tuple[str, str, object]] = Counter()
    for push in _of(history, Received):
        place = (push.reader, push.connection)
        once_in = processes.get(place) if kinds.get(push.reader) is Kind.CURSOR else push.connection
        times[push.reader, push.message_id, once_in] += 1
    for (reader, message_id, _), count in times.items():
        if count > 1:
            yield Repeated(reader, message_id)


def _against_the_times(history: Sequence[Event], rows: Sequence[Row]) -> Iterable[Disordered]:
    """Find messages sent through the bridge that were pushed after one with a later time, in the same conversation."""
    places = {row.id: (row.created_at, row.id) for row in rows if row.id[14] == OWN_VERSION}
    for (reader, _, _), told in _told(history).items():
        latest: str | None = None
        for one in told:
            if one not in places:
                continue
            if latest is not None and places[one] < places[latest]:
                yield Disordered(reader, one, latest)
            else:
                latest = one


def _disagreements(history: Sequence[Event]) -> Iterable[Disordered]:
    """Find messages that one process told two readers in different orders."""
    told: defaultdict[tuple[str, str], list[tuple[str, list[str]]]] = defaultdict(list)
    for (reader, process, conversation_id), ids in _told(history).items():
        told[process, conversation_id].append((reader, ids))
    for sequences in told.values():
        for (_, ones), (reader, others) in combinations(sequences, 2):
            rank = {message_id: number for number, message_id in enumerate(ones)}
            for first, second in pairwise([one for one in others if one in rank]):
                if rank[first] > rank[second]:
                    yield Disordered(reader, second, first)


def _told(history: Sequence[Event]) -> Mapping[tuple[str, str, str], list[str]]:
    """Return what each reader was told first by each process about each conversation, in order."""
    processes = _processes(history)
    told: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    known: set[tuple[str, str]] = set()
    for push in _of(history, Received):
        if (push.reader, push.message_id) not in known:
            known.add((push.reader, push.message_id))
            process = processes.get((push.reader, push.connection), "")
            told[push.reader, process, push.conversation_id].append(push.message_id)
    return told


def _processes(history: Sequence[Event]) -> Mapping[tuple[str, int], str]:
    return {(one.reader, one.connection): one.process for one in _of(history, Came)}


def _leaked(history: Sequence[Event], members: Sequence[Member]) -> Set[Leaked]:
    allowed = {(member.name, one) for member in members for one in member.conversations}
    leaked: set[Leaked] = set()
    for event in history:
        if isinstance(event, ShutOut):
            allowed.discard((event.reader, event.conversation_id))
        elif isinstance(event, Received) and (event.reader, event.conversation_id) not in allowed:
            leaked.add(Leaked(event.reader, event.message_id))
    return leaked


def recovery_seconds(history: Sequence[Event]) -> float | None:
    """Return how long after the end of its cause a fault was felt, at worst; None without a fault.

    That is the time from there until whatever had been sent before was acknowledged and had reached every reader.
    """
    healed = [one.at for one in _of(history, Healed)] or [one.at for one in _of(history, Struck)]
    if not healed:
        return None
    sent = {one.key: one.at for one in _of(history, Sent)}
    key_of = {one.message_id: one.key for one in _of(history, Acknowledged)}
    settled = [(sent[one.key], one.at) for one in _of(history, Acknowledged)]
    settled += [(sent[key_of[one]], at) for one, at in _arrivals(history) if one in key_of]
    return max(max((at - end for began, at in settled if began <= end < at), default=0.0) for end in healed)


def _arrivals(history: Sequence[Event]) -> Iterable[tuple[str, float]]:
    """Yield for each reader and message when it came first."""
    known: set[tuple[str, str]] = set()
    for event in history:
        if isinstance(event, Received | Loaded):
            ids = (event.message_id,) if isinstance(event, Received) else event.message_ids
            for message_id in ids:
                if (event.reader, message_id) not in known:
                    known.add((event.reader, message_id))
                    yield message_id, event.at
