"""What was told lately, in order, so that a client that comes back can be told what it missed. Synchronous, in memory.

Every push carries a cursor as its request id: which process told it, and how much had been told by then. A client shows
the last one it has when it authenticates again. The answer is all or nothing: one from before the oldest entry that is
kept, or from before something was missed here too, resumes nothing, and the client loads anew. To other processes a
cursor says how much of the change log had been told by then, if there is one (bridge.elsewhere).
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable, Set
from typing import Final, NamedTuple
from uuid import UUID

from bridge.change_log import Mark
from bridge.clock import Clock
from bridge.events import Event, MessageSent, MessageUpdated

MAX_ENTRIES: Final = 20_000
MAX_CHARACTERS: Final = 32 * 1024 * 1024
MAX_AGE_SECONDS: Final = 600.0
ENTRY_CHARACTERS: Final = 500
"""What an entry counts beside its content."""

_EPOCH_BITS: Final = 36
_SEQUENCE_BITS: Final = 36
_XID_BITS: Final = 42
_CHECK_BITS: Final = 122 - _EPOCH_BITS - _SEQUENCE_BITS - _XID_BITS


class Entry(NamedTuple):
    """Something that was told: its place, when by the monotonic clock, with which cursor, and to whom."""

    sequence: int
    at: float
    cursor: str
    event: Event
    members: Set[str]


class _Cursor(NamedTuple):
    """What a cursor says; without a change log xid and check are 0."""

    epoch: int
    sequence: int
    xid: int
    check: int


class History:
    """The last entries of this process."""

    def __init__(self, clock: Clock, *, max_entries: int = MAX_ENTRIES, max_characters: int = MAX_CHARACTERS) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_characters = max_characters
        self._entries: deque[Entry] = deque()
        self._by_key: dict[str, Entry] = {}
        self._told = Mark(0, 0)
        self._characters = 0
        self._sequence = 0
        self._known_after = 0
        self._has_forgotten = False
        self._epoch = secrets.randbits(_EPOCH_BITS)
        self.started_at = clock.monotonic()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def sequence(self) -> int:
        """Return the place of what was told last."""
        return self._sequence

    @property
    def known_from(self) -> float:
        """From which moment of the monotonic clock on everything is still here."""
        if not self._has_forgotten:
            return self.started_at
        return self._entries[0].at if self._entries else self._clock.monotonic()

    def cursor(self) -> str:
        """Return an id that says "everything up to now"; no two are equal."""
        return self._cursor_of(self._next())

    def record(self, event: Event, members: Set[str]) -> str:
        """Keep an event that is about to be told, and return the cursor that goes with it."""
        sequence = self._next()
        entry = Entry(sequence, self._clock.monotonic(), self._cursor_of(sequence), event, members)
        self._entries.append(entry)
        if event.key is not None:
            self._by_key[event.key] = entry
        self._characters += _size(event)
        self._forget_oldest(entry.at)
        return entry.cursor

    def take_back(self, cursor: str) -> None:
        """Forget the last entry, if it has this cursor: it could not be told after all."""
        if self._entries and self._entries[-1].cursor == cursor:
            self._drop(self._entries.pop())

    def note_gap(self) -> None:
        """Take in that something was missed by this process: nobody is told all of it by what was told until now."""
        self._known_after = self._next()

    def after(self, cursor: str, *, known_after: int = 0) -> list[Entry] | None:
        """Return what was told after a cursor; None if that is not, or no longer, known completely.

        `known_after`: the place before which it is not known to who asks.
        """
        place = self.place_of(cursor)
        return None if place is None or place < max(known_after, self._known_after) else self.from_place(place)

    def place_of(self, cursor: str) -> int | None:
        """Return the place that a cursor of this process stands for; None for any other."""
        said = _said_by(cursor)
        is_ours = said is not None and said.epoch == self._epoch and said.sequence <= self._sequence
        return said.sequence if said is not None and is_ours else None

    def from_place(self, sequence: int) -> list[Entry]:
        """Return what was told after a place, as far as it is kept."""
        return [entry for entry in self._entries if entry.sequence > sequence]

    def of_keys(self, keys: Iterable[str]) -> list[Entry]:
        """Return those of these events that were told and are kept."""
        return [self._by_key[key] for key in keys if key in self._by_key]

    def have_told(self, mark: Mark | None) -> None:
        """Take in how much of the change log has been told; None: there is none any more."""
        self._told = mark if mark is not None and mark.xid >> _XID_BITS == 0 else Mark(0, 0)

    def mark_of(self, cursor: str) -> Mark | None:
        """Return how much of the change log another process had told by its cursor; None if that is unknown."""
        said = _said_by(cursor)
        if said is None or said.epoch == self._epoch or not said.xid:
            return None
        return Mark(said.xid, said.check)

    def since(self, at: float) -> list[Entry]:
        """Return what was told since a moment of the monotonic clock, as far as it is kept."""
        return [entry for entry in self._entries if entry.at >= at]

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _cursor_of(self, sequence: int) -> str:
        return _uuid(_Cursor(self._epoch, sequence, *self._told))

    def _forget_oldest(self, now: float) -> None:
        while self._entries and (
            len(self._entries) > self._max_entries
            or self._characters > self._max_characters
            or now - self._entries[0].at > MAX_AGE_SECONDS
        ):
            oldest = self._entries.popleft()
            self._drop(oldest)
            self._known_after = max(self._known_after, oldest.sequence)
            self._has_forgotten = True

    def _drop(self, entry: Entry) -> None:
        self._characters -= _size(entry.event)
        if entry.event.key is not None and self._by_key.get(entry.event.key) is entry:
            del self._by_key[entry.event.key]


def _size(event: Event) -> int:
    return ENTRY_CHARACTERS + (len(event.message.content) if isinstance(event, MessageSent | MessageUpdated) else 0)


def _uuid(said: _Cursor) -> str:
    """Return a UUID of version 8, whose 122 bits are free (RFC 9562, section 5.8)."""
    number = said.epoch
    for part, bits in ((said.sequence, _SEQUENCE_BITS), (said.xid, _XID_BITS), (said.check, _CHECK_BITS)):
        number = number << bits | part
    high, middle, low = number >> 74, number >> 62 & 0xFFF, number & (1 << 62) - 1
    return str(UUID(int=high << 80 | 8 << 76 | middle << 64 | 2 << 62 | low))


def _said_by(cursor: str) -> _Cursor | None:
    """Return what a cursor says; None for what is none, which a client may show."""
    try:
        number = UUID(cursor).int
    except ValueError:  # quiet: whatever a client shows
        return None
    if number >> 76 & 0xF != 8:
        return None
    packed = number >> 80 << 74 | (number >> 64 & 0xFFF) << 62 | number & (1 << 62) - 1
    check = packed & (1 << _CHECK_BITS) - 1
    xid = packed >> _CHECK_BITS & (1 << _XID_BITS) - 1
    packed >>= _CHECK_BITS + _XID_BITS
    return _Cursor(packed >> _SEQUENCE_BITS, packed & (1 << _SEQUENCE_BITS) - 1, xid, check)
