"""One run of the repairs: what a fresh check has found, in small transactions."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import psycopg
from msgspec import Struct

from bridge.clock import Clock
from bridge.ids import fresh_id
from migration.checking import REPORT
from migration.checks import CHECKS, Check
from migration.database import Database, connected, failure, subject_of
from migration.errors import Refused
from migration.findings import FORMAT, Exit, Report, read_report
from migration.repairs import REPAIRS, Change
from migration.scanning import Pace, Scan, Scanner, scans_of
from migration.settings import Target
from migration.shape import read_shape, refuse_if_hidden
from migration.state import RunState, alone_in, load_state, save_state
from migration.undo import UndoFile, make, read_undo
from migration.voice import Voice

STATE: Final = "fix.state.json"
BATCH_ROWS: Final = 200
"""Found rows in one transaction: it is over in milliseconds, and locks few rows."""
FRESH: Final = timedelta(hours=1)

_EVIDENCE_MISSING: Final = "There is no check of this database to act on: run `python -m migration check` first."


class Wishes(Struct, frozen=True, kw_only=True):
    """What a run is to do."""

    checks: tuple[str, ...] = tuple(REPAIRS)
    apply: bool = False
    resume: bool = False
    fresh: timedelta = FRESH
    pace: Pace = Pace()
    timeout_seconds: float = 30.0


class Repaired(Struct, kw_only=True):
    """What one repair has done, or would do."""

    check: str
    found: int = 0
    changes: int = 0
    """Rows written; a found row may take none, one or several."""
    left_alone: int = 0
    """Found rows for which no change is safe."""
    refused: int = 0
    """Changes that somebody else's row or a foreign key stood in the way of; rows, if the repair could not be asked."""
    failed: str | None = None
    """Why it could not be asked."""


class FixReport(Struct, frozen=True, kw_only=True):
    """What a run of `fix` has done, or would do."""

    command: str = "fix"
    format: int = FORMAT
    subject: str
    fingerprint: str
    applied: bool
    as_of: datetime
    ended_at: datetime
    repairs: tuple[Repaired, ...]
    undo: str | None = None
    not_checked: tuple[str, ...] = ()
    """Wanted repairs that the last check tells nothing of: it was of some checks only."""

    @property
    def exit(self) -> Exit:
        """Return the exit status: FOUND where a dry run would change something, or a change was refused."""
        is_open = any(one.refused or (one.changes and not self.applied) for one in self.repairs)
        return Exit.FOUND if is_open else Exit.CLEAN


def fix(target: Target, wishes: Wishes, clock: Clock, voice: Voice) -> FixReport:
    """Do the repairs that were asked for, or only say what they would do.

    Raises:
        Refused: nothing was changed.
        Interrupted: the connection was lost; what is committed stays, and is in the undo file.

    """
    url = target.database()
    with (
        alone_in(target.directory) if wishes.apply else nullcontext(),
        connected(url, timeout_seconds=wishes.timeout_seconds, read_only=True) as reader,
        connected(url, timeout_seconds=wishes.timeout_seconds, read_only=not wishes.apply) as writer,
    ):
        return FixRun(reader, writer, target, wishes, clock).report(voice)


class FixRun:
    """A run with two connections: one goes through the tables, the other changes rows."""

    def __init__(self, reader: Database, writer: Database, target: Target, wishes: Wishes, clock: Clock) -> None:
        self._reader = reader
        self._writer = writer
        self._target = target
        self._wishes = wishes
        self._clock = clock
        with reader.looking() as connection:
            self._shape = read_shape(connection)
            ((now,),) = connection.execute("select now()").fetchall()
        refuse_if_hidden(self._shape)
        wanted = self._wanted(now)
        self._path = target.directory / STATE
        self._state = (
            self._resumed()
            if wishes.resume
            else RunState(fingerprint=self._shape.fingerprint, as_of=now, checks=wanted, sample_size=0)
        )
        self._undo: UndoFile | None = None
        self._done = {name: Repaired(check=name) for name in self._state.checks}

    def report(self, voice: Voice) -> FixReport:
        """Go through everything that is not done."""
        if self._wishes.apply and self._state.checks:
            self._state.undo = self._state.undo or self._undo_of_earlier() or str(self._undo_path())
            self._save()
            with UndoFile(Path(self._state.undo), self._shape.fingerprint) as self._undo:
                self._go(voice)
            self._path.unlink()
            self._forget_empty(Path(self._state.undo))
        else:
            self._go(voice)
        return FixReport(
            subject=subject_of(self._target.database()),
            fingerprint=self._shape.fingerprint,
            applied=self._wishes.apply,
            as_of=self._state.as_of,
            ended_at=self._clock.now(),
            repairs=tuple(self._done.values()),
            undo=self._state.undo if self._wishes.apply else None,
            not_checked=self._not_checked,
        )

    def _forget_empty(self, undo_path: Path) -> None:
        """Leave no undo file in which there is nothing to take back."""
        if not any(one.changes for one in self._done.values()) and not read_undo(undo_path)[1]:
            undo_path.unlink()
            self._state.undo = None

    def _go(self, voice: Voice) -> None:
        """Scan check by check, for repairs have an order: who is who comes before who is missing."""
        scanner = Scanner(self._reader, self._shape, self._state, self._wishes.pace, self._clock)
        for name in self._state.checks:
            (scan,) = scans_of([CHECKS[name]])
            own = msgspec.structs.replace(scan, name=name)

            def moved(scan: Scan, rows: int) -> None:
                voice.progress(f"{scan.name}: {rows:,} rows looked at")

            scanner.run([own], self._save_if_applied, moved, self._mend)

    def _mend(self, check: Check, keys: list[str]) -> None:
        """Mend found rows, so many in a transaction; what they are now is asked once more there."""
        done = self._done[check.name]
        done.found += len(keys)
        for start in range(0, len(keys), BATCH_ROWS):
            batch = keys[start : start + BATCH_ROWS]
            try:
                self._mend_batch(check, batch, done)
            except (psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedTable) as error:
                # A schema that is stuck between two generations: the other repairs may find what they need.
                done.refused += len(batch)
                done.failed = failure(error)

    def _mend_batch(self, check: Check, batch: Sequence[str], done: Repaired) -> None:
        if self._undo is None:
            with self._writer.looking() as connection:
                mended, changes = self._changes(connection, check, batch)
                done.changes += len(changes)
        else:
            with self._writer.writing() as connection:
                mended, changes = self._changes(connection, check, batch)
                self._undo.note(changes)
                made = make(connection, changes)
            done.changes += made
            done.refused += len(changes) - made
        done.left_alone += len(batch) - len(mended)

    def _changes(
        self, connection: psycopg.Connection, check: Check, keys: Sequence[str]
    ) -> tuple[set[str], list[Change]]:
        """Return which of the found rows can be mended, and how."""
        question = REPAIRS[check.name].sql.format(page=f"t.{check.key} = any(%(keys)s::uuid[])")
        rows = connection.execute(question.encode(), {"keys": list(keys), "as_of": self._state.as_of}).fetchall()
        changes = [
            Change(table=table, key=key or {"id": fresh_id()}, before=before, after=after)
            for _, table, key, before, after in rows
        ]
        return {row[0] for row in rows}, changes

    def _wanted(self, now: datetime) -> list[str]:
        """Return the repairs for which there is fresh evidence that something is to be mended."""
        evidence = self._evidence()
        if evidence.fingerprint != self._shape.fingerprint:
            raise Refused("The last check was of another database; run `python -m migration check` again.")
        if now - evidence.as_of > self._wishes.fresh:
            raise Refused("The last check is too old to act on; run `python -m migration check` again.")
        found = {finding.check for finding in evidence.findings}
        self._not_checked = tuple(name for name in self._wishes.checks if name not in evidence.asked)
        return [name for name in REPAIRS if name in found and name in self._wishes.checks]

    def _evidence(self) -> Report:
        try:
            evidence = read_report((self._target.directory / REPORT).read_bytes())
        except OSError:
            raise Refused(_EVIDENCE_MISSING) from None
        except msgspec.DecodeError:
            raise Refused("The last check's report cannot be read; run `python -m migration check` again.") from None
        if evidence.command != "check" or evidence.fingerprint is None:
            raise Refused(_EVIDENCE_MISSING)
        return evidence

    def _resumed(self) -> RunState:
        state = load_state(self._path)
        if state.fingerprint != self._shape.fingerprint:
            raise Refused(f"{self._path} belongs to another database; start again without --resume.")
        state.undo = self._here(state.undo)
        return state

    def _undo_of_earlier(self) -> str | None:
        """Return the undo file of a run that was broken off and is not resumed: whoever takes back takes back all."""
        try:
            earlier = load_state(self._path)
        except Refused:  # quiet: as a rule there was none
            return None
        return self._here(earlier.undo) if earlier.fingerprint == self._shape.fingerprint else None

    def _here(self, undo: str | None) -> str | None:
        """Return where an undo file is, seen from where the command is typed now."""
        return undo and str(self._target.directory / Path(undo).name)

    def _undo_path(self) -> Path:
        return self._target.directory / f"undo-{self._clock.now():%Y%m%dT%H%M%S}-{fresh_id()[:8]}.jsonl"

    def _save(self) -> None:
        save_state(self._path, self._state)

    def _save_if_applied(self) -> None:
        if self._wishes.apply:
            self._save()
