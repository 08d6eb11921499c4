"""Taking back what a run of the repairs has changed, the last change first, in small transactions."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from bridge.clock import Clock
from migration.database import connected, subject_of
from migration.errors import Refused
from migration.findings import FORMAT, Exit
from migration.fixing import BATCH_ROWS, Wishes
from migration.settings import Target
from migration.shape import Shape, read_shape
from migration.state import alone_in
from migration.undo import in_batches, read_undo, take_back, without_triggers
from migration.voice import Voice


class Undone(Struct, frozen=True, kw_only=True):
    """What taking a fix back has done, or would do."""

    command: str = "undo"
    format: int = FORMAT
    subject: str
    fingerprint: str
    applied: bool
    ended_at: datetime
    changes: int
    """In the undo file."""
    restored: int
    """Rows that are as they were; the others had not been changed, or somebody has changed them since."""
    times_restored: bool
    """Whether updated_at is as it was, too; that takes the right to switch triggers off."""

    @property
    def exit(self) -> Exit:
        """Return the exit status: FOUND for a dry run that would change something."""
        return Exit.CLEAN if self.applied or not self.changes else Exit.FOUND


def undo(target: Target, path: Path, wishes: Wishes, clock: Clock, voice: Voice) -> Undone:
    """Take back what an undo file holds, the last change first, or only say how much that is.

    Raises:
        Refused: nothing was changed.
        Interrupted: the connection was lost; the same command goes on.

    """
    header, changes = read_undo(path)
    restored, with_times = 0, True
    with (
        alone_in(target.directory) if wishes.apply else nullcontext(),
        connected(target.database(), timeout_seconds=wishes.timeout_seconds, read_only=not wishes.apply) as database,
    ):
        with database.looking() as connection:
            shape: Shape = read_shape(connection)
        if shape.fingerprint != header.fingerprint:
            raise Refused(f"{path} belongs to another database.")
        for batch in in_batches(changes, BATCH_ROWS) if wishes.apply else ():
            with database.writing() as connection:
                with_times = without_triggers(connection) and with_times
                restored += take_back(connection, batch)
            voice.progress(f"undo: {restored:,} of {len(changes):,}")
    return Undone(
        subject=subject_of(target.database()),
        fingerprint=header.fingerprint,
        applied=wishes.apply,
        ended_at=clock.now(),
        changes=len(changes),
        restored=restored,
        times_restored=with_times,
    )
