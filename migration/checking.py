"""One run of the data checks, from the first look at the catalogue to the report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from bridge.clock import Clock
from bridge.errors import SchemaUnusable, StoreError
from bridge.models import Identity
from bridge.store import Store
from migration.checks import CHECKS, Check, unread
from migration.database import Database, connected, subject_of
from migration.errors import Refused
from migration.findings import Finding, NotRun, Passed, Report, printed, worst_first
from migration.project import OTHER_DATABASE, asked, host, reached
from migration.repairs import REPAIRS
from migration.rest_checks import RestChecks
from migration.scanning import Pace, Scan, Scanner, scans_of
from migration.settings import Target
from migration.shape import read_shape, refuse_if_hidden
from migration.state import RunState, Tally, alone_in, load_state, save_state, write_whole
from migration.voice import Voice

STATE: Final = "check.state.json"
REPORT: Final = "check.json"
"""What `fix` reads, and whoever makes a report of the whole migration."""


class Wishes(Struct, frozen=True, kw_only=True):
    """What a run is to do."""

    checks: tuple[str, ...] = tuple(CHECKS)
    resume: bool = False
    sample_size: int = 20
    people: int = 20
    """Of how many people unread counts are compared."""
    pace: Pace = Pace()
    timeout_seconds: float = 30.0


class Outcome(Struct, kw_only=True):
    """What came of each check."""

    findings: list[Finding] = []
    passed: list[Passed] = []
    not_run: list[NotRun] = []

    def add(self, check: Check, tally: Tally, *, applies: bool = True) -> None:
        """Take in what a check has found; one that failed half-way still tells what it saw."""
        if tally.failed:
            self.not_run.append(NotRun(check=check.name, reason=tally.failed, applies=applies))
        if tally.count:
            self.findings.append(_finding(check, tally))
        elif not tally.failed:
            self.passed.append(Passed(check=check.name))


def check(target: Target, wishes: Wishes, clock: Clock, voice: Voice) -> Report:
    """Run the checks that can be run, and keep their report.

    Raises:
        Refused: nothing was looked at.
        Interrupted: the connection was lost; what was found until then is kept for --resume.

    """
    if target.database_url is None:
        report = _over_rest(target, wishes, clock, voice)
    else:
        reading = connected(target.database_url, timeout_seconds=wishes.timeout_seconds, read_only=True)
        with alone_in(target.directory), reading as database:
            report = DatabaseRun(database, target, wishes, clock, voice).report()
    write_whole(target.directory / REPORT, printed(report))
    return report


class DatabaseRun:
    """A run over a direct connection."""

    def __init__(self, database: Database, target: Target, wishes: Wishes, clock: Clock, voice: Voice) -> None:
        database.prove_read_only()
        self._database = database
        self._target = target
        self._wishes = wishes
        self._clock = clock
        self._voice = voice
        with database.looking() as connection:
            self._shape = read_shape(connection)
            ((self._now,),) = connection.execute("select now()").fetchall()
            self._sizes: Mapping[str, int] = dict(connection.execute(_SIZES).fetchall())
        refuse_if_hidden(self._shape)
        self._path = target.directory / STATE
        self._state = self._begin()

    def report(self) -> Report:
        """Go through everything that is not done."""
        outcome, usable = Outcome(), []
        for name in self._state.checks:
            left_out = self._left_out(CHECKS[name])
            if left_out is None:
                usable.append(CHECKS[name])
            else:
                outcome.not_run.append(left_out)
        if unread.CHECK in usable:
            self._prove_project()
        self._save()
        scans = scans_of(usable)
        Scanner(self._database, self._shape, self._state, self._wishes.pace, self._clock).run(
            scans, self._save, self._moved
        )
        if unread.CHECK in usable:
            self._compare_unread(self._state.tally(unread.CHECK.name))
        for check in usable:
            outcome.add(check, self._state.tally(check.name))
        self._path.unlink(missing_ok=True)
        return self._finished(outcome, scans)

    def _finished(self, outcome: Outcome, scans: Iterable[Scan]) -> Report:
        rows: dict[str, int] = {}
        for scan in scans:
            rows[scan.table] = max(rows.get(scan.table, 0), self._state.place(scan.name).rows)
        return Report(
            command="check",
            subject=subject_of(self._target.database()),
            fingerprint=self._shape.fingerprint,
            as_of=self._state.as_of,
            ended_at=self._clock.now(),
            findings=worst_first(outcome.findings),
            passed=tuple(outcome.passed),
            not_run=tuple(outcome.not_run),
            rows=rows,
        )

    def _begin(self) -> RunState:
        if not self._wishes.resume:
            return RunState(
                fingerprint=self._shape.fingerprint,
                as_of=self._now,
                checks=list(self._wishes.checks),
                sample_size=self._wishes.sample_size,
            )
        state = load_state(self._path)
        if state.fingerprint != self._shape.fingerprint:
            raise Refused(f"{self._path} belongs to another database; start again without --resume.")
        if not set(state.checks) <= CHECKS.keys():
            raise Refused(f"{self._path} was written by another version; start again without --resume.")
        return state

    def _left_out(self, check: Check) -> NotRun | None:
        lacks = check.lacks(self._shape)
        if lacks is not None:
            return NotRun(check=check.name, reason=lacks, applies=False)
        hidden = check.tables & set(self._shape.hidden)
        if hidden:
            reason = f"the role {self._shape.role} does not see all rows of {', '.join(sorted(hidden))}"
            return NotRun(check=check.name, reason=reason)
        return None

    def _save(self) -> None:
        save_state(self._path, self._state)

    def _moved(self, scan: Scan, rows: int) -> None:
        about = max(rows, self._sizes.get(scan.table, 0))
        self._voice.progress(f"{scan.name}: {rows:,} of about {about:,} rows")

    def _prove_project(self) -> None:
        """See before hours of work that the project has the same people; one that does not answer is told later.

        Raises:
            Refused: it is another database.

        """
        if self._target.project is None:
            return
        people = unread.Recount(self._database, self._state.as_of).sample(self._wishes.people)
        try:
            asked(self._target.project, lambda store: _same_people(store, people))
        except (StoreError, SchemaUnusable):  # quiet: the check itself says so when its turn comes
            return

    def _compare_unread(self, tally: Tally) -> None:
        """Compare with the project, if it is there and is the same database."""
        if self._target.project is None:
            tally.failed = "it compares with what the bridge answers; set SUPABASE_URL and SUPABASE_SECRET_KEY"
            return
        recount = unread.Recount(self._database, self._state.as_of)
        people = recount.sample(self._wishes.people)

        async def ask(store: Store) -> Sequence[str]:
            return await unread.differences(recount, store.conversations, people, self._state.as_of)

        self._voice.progress(f"{unread.CHECK.name}: {len(people)} people")
        try:
            tally.add(asked(self._target.project, ask), self._wishes.sample_size)
        except (StoreError, SchemaUnusable) as error:
            tally.failed = f"the project at SUPABASE_URL cannot be asked: {error}"


async def _same_people(store: Store, people: Sequence[Identity]) -> None:
    known = await store.users.profiles([one.user_id for one in people])
    if len(known) != len(people):
        raise Refused(OTHER_DATABASE)


def _over_rest(target: Target, wishes: Wishes, clock: Clock, voice: Voice) -> Report:
    if wishes.resume:
        raise Refused("--resume is for a run over a direct connection; over REST start again.")
    if target.project is None:
        raise AssertionError("a target without anything")
    as_of: datetime = clock.now()
    outcome = Outcome()
    with reached(target.project) as rest:
        rest.prove()
        asking = RestChecks(rest, wishes.pace, clock, as_of, wishes.sample_size)
        tallies = asking.run(
            [CHECKS[name] for name in wishes.checks], lambda one: voice.progress(f"{one.name} over REST")
        )
    for name, tally in tallies.items():
        outcome.add(CHECKS[name], tally, applies=tally.applies)
    return Report(
        command="check",
        subject=host(target.project),
        as_of=as_of,
        ended_at=clock.now(),
        findings=worst_first(outcome.findings),
        passed=tuple(outcome.passed),
        not_run=tuple(outcome.not_run),
    )


def _finding(check: Check, tally: Tally) -> Finding:
    is_repaired = check.name in REPAIRS
    more = f" At least: {tally.failed}." if tally.failed else ""
    return Finding(
        check=check.name,
        severity=check.severity,
        evidence=f"{check.meaning}: {tally.count:,}.{more}",
        fix=f"python -m migration fix --only {check.name}" if is_repaired else check.fix,
        consequence=check.consequence,
        count=tally.count,
        samples=tuple(tally.samples),
    )


_SIZES: Final = """
select case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname, greatest(c.reltuples, 0)::bigint
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname in ('public', 'auth') and c.relkind = 'r'
"""
