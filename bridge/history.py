"""What was told lately, in order, so that a client that comes back can be told what it missed. Synchronous, in memory.

Every push carries a cursor as its request id: which process told it, and how much had been told by then. A client shows
the last one it has when it authenticates again. The answer is all or nothing: a cursor of another process, one from
before the oldest entry that is kept, or from before something was missed here too resumes nothing, and the client loads
anew.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Set
from typing import Final, NamedTuple
from uuid import UUID

from bridge.clock import Clock
from bridge.events import Event, MessageSent, MessageUpdated

MAX_ENTRIES: Final = 20_000
MAX_CHARACTERS: Final = 32 * 1024 * 1024
MAX_AGE_SECONDS: Final = 600.0
ENTRY_CHARACTERS: Final = 500
"""What an entry counts beside its content."""

_EPOCH_BITS: Final = 40
_SEQUENCE_BITS: Final = 40
_NONCE_BITS: Final = 122 - _EPOCH_BITS - _SEQUENCE_BITS


class Entry(NamedTuple):
    """Something that was told: its place, when by the monotonic clock, with which cursor, and to whom."""

    sequence: int
    at: float
    cursor: str
    event: Event
    members: Set[str]


class History:
    """The last entries of this process."""

    def __init__(self, clock: Clock, *, max_entries: int = MAX_ENTRIES, max_characters: int = MAX_CHARACTERS) -> None:
        self._clock = clock
        self._max_entries = max_entries
        self._max_characters = max_characters
        self._entries: deque[Entry] = deque()
        self._characters = 0
        self._sequence = 0
        self._known_after = 0
        self._has_forgotten = False
        self._epoch = secrets.randbits(_EPOCH_BITS)
        self.started_at = clock.monotonic()

    def __len__(self) -> int:
        return len(self._entries)

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
        self._characters += _size(event)
        self._forget_oldest(entry.at)
        return entry.cursor

    def take_back(self, cursor: str) -> None:
        """Forget the last entry, if it has this cursor: it could not be told after all."""
        if self._entries and self._entries[-1].cursor == cursor:
            self._characters -= _size(self._entries.pop().event)

    def note_gap(self) -> None:
        """Take in that something was missed by this process: nobody is told all of it by what was told until now."""
        self._known_after = self._next()

    def after(self, cursor: str) -> list[Entry] | None:
        """Return what was told after a cursor; None if that is not, or no longer, known completely."""
        sequence = self._sequence_of(cursor)
        if sequence is None or not self._known_after <= sequence <= self._sequence:
            return None
        return [entry for entry in self._entries if entry.sequence > sequence]

    def since(self, at: float) -> list[Entry]:
        """Return what was told since a moment of the monotonic clock, as far as it is kept."""
        return [entry for entry in self._entries if entry.at >= at]

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _cursor_of(self, sequence: int) -> str:
        return _uuid(self._epoch, sequence, secrets.randbits(_NONCE_BITS))

    def _sequence_of(self, cursor: str) -> int | None:
        try:
            epoch, sequence = _parts(cursor)
        except ValueError:
            return None
        return sequence if epoch == self._epoch else None

    def _forget_oldest(self, now: float) -> None:
        while self._entries and (
            len(self._entries) > self._max_entries
            or self._characters > self._max_characters
            or now - self._entries[0].at > MAX_AGE_SECONDS
        ):
            oldest = self._entries.popleft()
            self._characters -= _size(oldest.event)
            self._known_after = max(self._known_after, oldest.sequence)
            self._has_forgotten = True


def _size(event: Event) -> int:
    return ENTRY_CHARACTERS + (len(event.message.content) if isinstance(event, MessageSent | MessageUpdated) else 0)


def _uuid(epoch: int, sequence: int, nonce: int) -> str:
    number = epoch << (_SEQUENCE_BITS + _NONCE_BITS) | sequence << _NONCE_BITS | nonce
    high, middle, low = number >> 74, number >> 62 & 0xFFF, number & (1 << 62) - 1
    return str(UUID(int=high << 80 | 8 << 76 | middle << 64 | 2 << 62 | low))


def _parts(cursor: str) -> tuple[int, int]:
    """Return epoch and sequence of a cursor.

    Raises:
        ValueError: no cursor.

    """
    number = UUID(cursor).int
    if number >> 76 & 0xF != 8:
        raise ValueError("no cursor")
    packed = number >> 80 << 74 | (number >> 64 & 0xFFF) << 62 | number & (1 << 62) - 1
    return packed >> (_SEQUENCE_BITS + _NONCE_BITS), packed >> _NONCE_BITS & (1 << _SEQUENCE_BITS) - 1
