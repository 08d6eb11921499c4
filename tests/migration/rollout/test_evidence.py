"""What other tools have kept counts as a reading, as long as it is fresh."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.rollout.gates import Measure
from migration.audit import LOST
from migration.errors import Refused
from migration.findings import Finding, NotRun, Report, Series, Severity, printed
from migration.parity.tally import ParityReport, Rates
from migration.rollout.evidence import FRESH, evidence

NOW = datetime(2026, 11, 26, 3, 30, tzinfo=UTC)


def keep(directory: Path, *shares: float | None, ended_at: datetime = NOW) -> None:
    """Keep a report of parity with these shares, one for each action."""
    report = ParityReport(
        subject="a project",
        bridge="ws://127.0.0.1/ws",
        as_of=ended_at,
        ended_at=ended_at,
        people=1,
        everybody=1,
        seconds=1.0,
        people_per_second=1.0,
        actions=tuple(Rates(action=f"action {number}", consistency=share) for number, share in enumerate(shares)),
        mismatches=(),
    )
    (directory / "parity.json").write_bytes(printed(report))


def series(*, is_last_complete: bool) -> Series:
    """Return what an audit that goes on says of all its runs."""
    return Series(
        runs=9,
        failed=0,
        windows=8,
        messages=7,
        missing=0,
        gaps=1,
        gap_seconds=60.0,
        is_last_complete=is_last_complete,
    )


def audited(directory: Path, *lost: int, not_run: tuple[NotRun, ...] = (), series: Series | None = None) -> None:
    """Keep a report of an audit that missed so many messages, at one bridge each."""
    report = Report(
        command="audit",
        subject="a project",
        as_of=NOW,
        ended_at=NOW,
        findings=tuple(
            Finding(check=LOST, severity=Severity.ERROR, evidence="", fix="", consequence="", count=count)
            for count in lost
        ),
        passed=(),
        not_run=not_run,
        series=series,
    )
    (directory / "audit.json").write_bytes(printed(report))


def test_messages_that_an_audit_missed_are_added_up(tmp_path: Path) -> None:
    """Of all bridges; where one could not be looked at, nothing is known."""
    audited(tmp_path)
    assert evidence(tmp_path, NOW) == {Measure.LOST: 0}
    audited(tmp_path, 2, 1)
    assert evidence(tmp_path, NOW) == {Measure.LOST: 3}
    audited(tmp_path, not_run=(NotRun(check=LOST, reason="it has just begun"),))
    assert evidence(tmp_path, NOW) == {}


def test_of_an_audit_that_goes_on_the_last_run_has_to_be_complete(tmp_path: Path) -> None:
    """A gap of long ago leaves the gate open; what was lost in any run closes it."""
    gap = (NotRun(check=LOST, reason="it does not know any more"),)
    audited(tmp_path, not_run=gap, series=series(is_last_complete=True))
    assert evidence(tmp_path, NOW) == {Measure.LOST: 0}
    audited(tmp_path, 1, not_run=gap, series=series(is_last_complete=True))
    assert evidence(tmp_path, NOW) == {Measure.LOST: 1}
    audited(tmp_path, not_run=gap, series=series(is_last_complete=False))
    assert evidence(tmp_path, NOW) == {}


def test_the_action_that_agrees_least_counts(tmp_path: Path) -> None:
    """One that was never compared says nothing."""
    keep(tmp_path, 1.0, 0.998, None)
    assert evidence(tmp_path, NOW) == {Measure.CONSISTENCY: 0.998}


def test_of_both_old_ways_the_one_that_agrees_less_counts(tmp_path: Path) -> None:
    """Each as long as it is fresh."""
    keep(tmp_path, 0.99)
    (tmp_path / "parity.json").rename(tmp_path / "parity-rest.json")
    assert evidence(tmp_path, NOW) == {Measure.CONSISTENCY: 0.99}
    keep(tmp_path, 1.0, ended_at=NOW + timedelta(hours=1))
    assert evidence(tmp_path, NOW) == {Measure.CONSISTENCY: 0.99}
    assert evidence(tmp_path, NOW + FRESH + timedelta(seconds=1)) == {Measure.CONSISTENCY: 1.0}


def test_without_a_report_nothing_is_known(tmp_path: Path) -> None:
    """Nor with one that compared nothing."""
    assert evidence(tmp_path / "missing", NOW) == {}
    keep(tmp_path, None)
    assert evidence(tmp_path, NOW) == {}


def test_what_is_old_is_not_known(tmp_path: Path) -> None:
    """A day is the limit."""
    keep(tmp_path, 1.0, ended_at=NOW - FRESH)
    assert evidence(tmp_path, NOW) == {Measure.CONSISTENCY: 1.0}
    assert evidence(tmp_path, NOW + timedelta(seconds=1)) == {}


def test_a_file_that_is_no_report_is_said(tmp_path: Path) -> None:
    """Rather than passed over: somebody relies on it."""
    (tmp_path / "parity.json").write_text("{}")
    with pytest.raises(Refused, match=r"parity\.json cannot be read as a report \(ValidationError\)\.$"):
        evidence(tmp_path, NOW)
