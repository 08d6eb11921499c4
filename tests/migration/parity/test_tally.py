"""Counting trials: rates, and the last mismatches."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.comparison.differing import Difference, Verdict
from migration.findings import Exit
from migration.parity.tally import DIFFERENCES_SHOWN, ParityReport, Tally
from migration.parity.trial import Ending, Outcome

MATCH = Outcome(ending=Ending.MATCHED, verdict=Verdict(declared=("ties",)), pairs=1)
NOISE = Outcome(ending=Ending.NOISE, pairs=2, unlike=2)
FAILED = Outcome(ending=Ending.OLD_FAILED, code="42703")


def mismatch(count: int = 1) -> Outcome:
    """Return a mismatch with so many differences."""
    found = tuple(Difference(key=str(number), field="x", where="both") for number in range(count))
    return Outcome(ending=Ending.MISMATCHED, verdict=Verdict(differences=found), pairs=2)


def reported(*outcomes: Outcome, keep: int = 20) -> ParityReport:
    """Return what is reported of these trials."""
    tally = Tally(["try"], keep)
    for number, outcome in enumerate(outcomes):
        tally.add("try", f"u{number}", "", outcome)
    now = datetime(2026, 11, 26, tzinfo=UTC)
    return ParityReport(
        subject="project",
        bridge="bridge",
        as_of=now,
        ended_at=now,
        people=len(outcomes),
        everybody=len(outcomes),
        seconds=1.0,
        people_per_second=1.0,
        actions=tuple(tally.rates.values()),
        mismatches=tally.mismatches,
    )


def test_consistency_is_the_share_of_verdicts_that_matched() -> None:
    """Neither noise nor a broken old way counts."""
    (rates,) = reported(MATCH, MATCH, MATCH, mismatch(), NOISE, FAILED).actions
    assert rates.consistency == 0.75
    assert rates.control_noise == 2 / 7
    assert (rates.trials, rates.noise, rates.old_failed) == (6, 1, 1)
    assert rates.failures == {"42703": 1}
    assert rates.declared == {"ties": 3}


def test_only_the_last_mismatches_are_kept() -> None:
    """And of each only the first differences."""
    report = reported(*(mismatch(DIFFERENCES_SHOWN + 5) for _ in range(4)), keep=3)
    assert [one.user_id for one in report.mismatches] == ["u1", "u2", "u3"]
    assert [(len(one.differences), one.more) for one in report.mismatches] == [(DIFFERENCES_SHOWN, 5)] * 3


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ([MATCH], Exit.CLEAN),
        ([MATCH, NOISE, FAILED], Exit.CLEAN),
        ([MATCH, mismatch()], Exit.FOUND),
        ([FAILED], Exit.INCOMPLETE),
        ([NOISE], Exit.INCOMPLETE),
        ([], Exit.INCOMPLETE),
    ],
)
def test_the_exit_status_tells(outcomes: list[Outcome], status: Exit) -> None:
    """A mismatch; or that an action could never be compared."""
    assert reported(*outcomes).exit is status
