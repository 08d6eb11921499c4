"""A run of the audit, or run after run until somebody ends it; the report is kept after each."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct

from bridge.clock import Clock
from bridge.history import MAX_AGE_SECONDS
from migration.audit import REPORT
from migration.audit.record import Record
from migration.audit.window import Proof, Sight
from migration.bridges import bridge_at
from migration.errors import Refused
from migration.findings import Finding, NotRun, Passed, Report, Series, printed
from migration.project import host, reached
from migration.settings import Target
from migration.state import write_whole
from migration.voice import Voice

Look = Callable[[str, datetime, datetime], Proof]
"""Looks at the bridge at an address, for the messages dated within a window; raises Refused."""
Wait = Callable[[float], bool]
"""Waits so many seconds; tells whether to stop, as soon as that is wanted."""
ENDS: Final = (signal.SIGINT, signal.SIGTERM)


class Wishes(Struct, frozen=True, kw_only=True):
    """What the command is to do."""

    bridges: tuple[str, ...]
    """Where their HTTP is, like http://127.0.0.1:8080."""
    token: str
    minutes: float = 5.0
    """How long the first window is."""
    settle_seconds: float = 60.0
    """A bridge looks into the tables every 30 s: what is younger may still be on its way."""
    sample_size: int = 20
    every_seconds: float | None = None
    """None: one run. Else from one run's beginning to the next one's."""
    runs: int | None = None
    """After how many runs to end; None: when somebody says so."""


def audit(target: Target, wishes: Wishes, clock: Clock, voice: Voice) -> Report:
    """Compare for every bridge, once or again and again, and keep the report.

    Raises:
        Refused: the project or a bridge cannot be asked, in the first run.

    """
    if target.project is None:
        raise Refused("This needs the project's API: set SUPABASE_URL and SUPABASE_SECRET_KEY.")
    if wishes.every_seconds is not None and wishes.every_seconds + wishes.settle_seconds >= MAX_AGE_SECONDS:
        raise Refused(
            f"A bridge knows for {MAX_AGE_SECONDS:g} seconds what it told: --every and --settle together must be less."
        )
    path = target.directory / REPORT

    def keep(report: Report) -> None:
        write_whole(path, printed(report))

    with reached(target.project) as rest:
        rest.prove()
        look = Sight(rest, partial(bridge_at, token=wishes.token)).look
        auditor = Auditor(host(target.project), wishes, look, clock, voice)
        if wishes.every_seconds is None:
            return auditor.run(keep, lambda _: True)
        with stopping() as wait:
            return auditor.run(keep, wait)


class Auditor:
    """Goes through the bridges, window after window."""

    def __init__(self, project: str, wishes: Wishes, look: Look, clock: Clock, voice: Voice) -> None:
        self._subject = f"{project} and {', '.join(wishes.bridges)}"
        self._wishes = wishes
        self._look = look
        self._clock = clock
        self._voice = voice
        self._records = [Record(address=one, sample_size=wishes.sample_size) for one in wishes.bridges]
        self._runs = 0
        self._failed = 0

    def run(self, keep: Callable[[Report], None], wait: Wait) -> Report:
        """Make one run, or one after the other until there were enough or somebody ends it; return the last report.

        Raises:
            Refused: the project or a bridge cannot be asked, in the first run.

        """
        every, due = self._wishes.every_seconds, self._clock.monotonic()
        while True:
            report = self._once()
            keep(report)
            if every is None or self._runs == self._wishes.runs:
                return report
            due = max(due + every, self._clock.monotonic())  # a run that took too long is not made up for
            if wait(due - self._clock.monotonic()):
                return report

    def _once(self) -> Report:
        as_of = self._clock.now()
        until = as_of - timedelta(seconds=self._wishes.settle_seconds)
        before = sum(one.messages for one in self._records)
        failures = 0
        for record in self._records:
            self._voice.progress(f"audit: {record.address}")
            since = record.next_since(until, timedelta(minutes=self._wishes.minutes))
            if since >= until:
                continue  # the clock was set back
            try:
                record.take(self._look(record.address, since, until), since)
            except Refused as error:
                if not self._runs:
                    raise
                failures += 1
                record.fail(str(error))
        self._runs += 1
        self._failed += bool(failures)
        report = self._report(as_of)
        if self._wishes.every_seconds is not None:
            self._say(as_of, sum(one.messages for one in self._records) - before, report)
        return report

    def _say(self, as_of: datetime, messages: int, report: Report) -> None:
        missing = sum(one.lost for one in self._records)
        self._voice.tell(
            f"audit: run {self._runs} at {as_of:%H:%M:%S}: {messages:,} messages; {missing:,} missing so far"
        )
        for record in self._records:
            if record.trouble is not None:
                self._voice.tell(f"audit: {record.trouble}")

    def _report(self, as_of: datetime) -> Report:
        outcomes = [outcome for record in self._records for outcome in record.outcomes()]
        return Report(
            command="audit",
            subject=self._subject,
            as_of=as_of,
            ended_at=self._clock.now(),
            findings=tuple(one for one in outcomes if isinstance(one, Finding)),
            passed=tuple(one for one in outcomes if isinstance(one, Passed)),
            not_run=tuple(one for one in outcomes if isinstance(one, NotRun)),
            rows={"messages": max(one.messages for one in self._records)},
            series=None if self._wishes.every_seconds is None else self._series(),
        )

    def _series(self) -> Series:
        records = self._records
        return Series(
            runs=self._runs,
            failed=self._failed,
            windows=sum(one.windows for one in records),
            messages=sum(one.messages for one in records),
            missing=sum(one.lost for one in records),
            gaps=sum(one.gap_number for one in records),
            gap_seconds=round(sum(one.gap_seconds for one in records), 3),
            is_last_complete=all(one.trouble is None for one in records),
        )


@contextmanager
def stopping() -> Iterator[Wait]:
    """Let SIGINT and SIGTERM end a wait instead of the process, until the block ends; a second one does as before.

    Only in the main thread, for only there signals arrive.
    """
    wanted = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield wanted.wait
        return
    before = {number: signal.getsignal(number) for number in ENDS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def stop(*_: object) -> None:
        restore()
        wanted.set()

    for number in ENDS:
        signal.signal(number, stop)
    try:
        yield wanted.wait
    finally:
        restore()
