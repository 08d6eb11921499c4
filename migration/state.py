"""How far a long command has come, in a file that is always whole: a killed run goes on where it was."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct, field

from migration.errors import Refused

FORMAT: Final = 1
SAVE_EVERY_SECONDS: Final = 1.0
"""A kill costs so much work at most; it is done again, with the same result."""

_BUSY: Final = "Another check or fix is at work in {}; wait until it has ended, or give another --directory."


class Place(Struct, kw_only=True):
    """Where one scan is."""

    after: str | None = None
    """The key of the last row that is done with; None at the beginning."""
    rows: int = 0
    done: bool = False


class Tally(Struct, kw_only=True):
    """What one check has found so far."""

    count: int = 0
    samples: list[str] = []
    failed: str | None = None
    """Why it could not go on."""

    def add(self, keys: Sequence[str], sample_size: int) -> None:
        """Count these rows and keep the first few."""
        self.count += len(keys)
        self.samples += keys[: max(0, sample_size - len(self.samples))]


class RunState(Struct, kw_only=True, forbid_unknown_fields=True):
    """Everything that a run needs to go on."""

    format: int = FORMAT
    fingerprint: str
    as_of: datetime
    """What "now" means until the run ends, however often it is resumed."""
    checks: list[str]
    sample_size: int
    places: dict[str, Place] = field(default_factory=dict)
    tallies: dict[str, Tally] = field(default_factory=dict)
    undo: str | None = None
    """The file in which a fix notes how to undo it."""

    def place(self, scan: str) -> Place:
        """Return where a scan is; a new one is at its beginning."""
        return self.places.setdefault(scan, Place())

    def tally(self, check: str) -> Tally:
        """Return what a check has found."""
        return self.tallies.setdefault(check, Tally())


def load_state(path: Path) -> RunState:
    """Read a state file.

    Raises:
        Refused: there is none, or none that this version reads.

    """
    try:
        state = msgspec.json.decode(path.read_bytes(), type=RunState)
    except FileNotFoundError:
        raise Refused(f"There is nothing to resume: no {path}.") from None
    except (OSError, msgspec.DecodeError):
        raise Refused(f"{path} cannot be read; start again without --resume.") from None
    if state.format != FORMAT:
        raise Refused(f"{path} was written by another version; start again without --resume.")
    return state


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Keep other runs that keep their state there out until the block ends; one that is killed lets go by itself.

    Raises:
        Refused: another one is at work, or there can be no such directory.

    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise Refused(f"{directory} cannot be written: {error.strerror}.") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Refused(_BUSY.format(directory)) from None
    finally:
        os.close(descriptor)


def write_whole(path: Path, content: bytes) -> None:
    """Replace a file so that whoever reads it, after a crash too, sees the old one or the new one.

    Raises:
        Refused: nothing can be written there.

    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    except OSError as error:
        raise Refused(f"{path.parent} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        Path(name).unlink(missing_ok=True)


def save_state(path: Path, state: RunState) -> None:
    """Write a state file."""
    write_whole(path, msgspec.json.encode(state))
