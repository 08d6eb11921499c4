"""What makes it NO-GO, what only cautions, and what does nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from bridge.rollout.gates import Measure, gates
from bridge.rollout.plan import Gates
from migration.checks import CHECKS
from migration.findings import NotRun, Passed, Severity
from migration.parity.tally import ParityReport
from migration.report.evidence import BridgeSeen, Dial, Evidence, Rollout
from migration.report.verdict import Limits, Weight, judge
from tests.migration.report.known import ADDRESS, NOW, bridge, endpoints, evidence, finding, parity, rehearsal, report

LIMITS = Limits()
OLD = NOW - timedelta(days=8)


def test_with_everything_in_order_it_is_go() -> None:
    """Without a single reason."""
    verdict = judge(evidence(), LIMITS)
    assert (verdict.go, verdict.reasons) == (True, ())


def test_with_nothing_known_it_is_no_go() -> None:
    """What was never looked at speaks against going on."""
    verdict = judge(Evidence(as_of=NOW), LIMITS)
    assert not verdict.go
    told = " ".join(reason.sentence for reason in verdict.reasons)
    for command in ("doctor", "check", "audit"):
        assert f"{command} was never run." in told
    assert "never compared" in told


def at_a_gate(value: float | None) -> Rollout:
    """Return a rollout whose one gate is held against this share."""
    plan = Dial(
        place="full", kill_switch=False, gates=gates(Gates(max_old_error_share=0.01), {Measure.OLD_ERRORS: value})
    )
    return Rollout(plan=plan)


def one_without_a_verdict() -> ParityReport:
    """Return what parity found where one action had nothing to be compared."""
    first, *others = parity().actions
    return replace(parity(), actions=(replace(first, consistency=None), *others))


STOPPING: dict[str, dict[str, Any]] = {
    "a comparison without any verdict": {"parity": parity(None)},
    "a doctor without keys": {"doctor": replace(report("doctor"), not_run=(NotRun(check="keys", reason="no key"),))},
    "an error of doctor": {"doctor": report("doctor", finding())},
    "an error of check": {"check": report("check", finding())},
    "missing messages": {"audit": report("audit", finding())},
    "an old check": {"check": report("check", as_of=OLD)},
    "a check of one thing only": {"check": replace(report("check"), passed=(Passed(check="typing_stale"),))},
    "a doctor that was told to skip": {"doctor": replace(report("doctor"), passed=report("doctor").passed[1:])},
    "two databases": {
        "doctor": replace(report("doctor"), fingerprint="one"),
        "check": replace(report("check"), fingerprint="other"),
    },
    "too little agreement": {"parity": parity(0.9989)},
    "a comparison of one action only": {"parity": replace(parity(), actions=parity().actions[:1])},
    "an old comparison": {"parity": parity(as_of=OLD)},
    "too little agreement with endpoints": {"parity_rest": endpoints(0.9989)},
    "an old comparison with endpoints": {"parity_rest": endpoints(as_of=OLD)},
    "a bridge that is late": {"bridges": (bridge(lag=2.5),)},
    "a bridge without a feed": {"bridges": (bridge(live=False),)},
    "a bridge that is silent": {"bridges": (BridgeSeen(address=ADDRESS, trouble="does not answer"),)},
    "a plan that is not followed": {"bridges": (bridge(rollout=Rollout(error="stage: unknown.")),)},
    "the kill switch": {"bridges": (bridge(rollout=Rollout(plan=Dial(place="off", kill_switch=True))),)},
    "a gate that is broken": {"bridges": (bridge(rollout=at_a_gate(0.02)),)},
    "a rehearsal that failed": {"drill": rehearsal("bob stayed")},
}


@pytest.mark.parametrize("name", STOPPING)
def test_one_of_these_stops(name: str) -> None:
    """Each with a sentence and what to do."""
    verdict = judge(replace(evidence(), **STOPPING[name]), LIMITS)
    assert not verdict.go
    assert verdict.reasons[0].weight is Weight.STOPS
    assert verdict.reasons[0].sentence
    assert verdict.reasons[0].remedy


def test_what_was_left_out_is_named() -> None:
    """The first few of it."""
    first = judge(replace(evidence(), check=replace(report("check"), passed=())), LIMITS).reasons[0]
    assert first.sentence.startswith("check was last run without accounts_without_user, buffers_as_content, ")
    assert first.sentence.endswith(f" and {len(CHECKS) - 5} more.")


def test_a_doctor_over_rest_alone_may_have_seen_the_same_database() -> None:
    """Then nobody knows; one connection tells."""
    assert judge(replace(evidence(), check=replace(report("check"), fingerprint="one")), LIMITS).go


CAUTIONING: dict[str, dict[str, Any]] = {
    "a warning": {"check": report("check", finding(Severity.WARNING))},
    "something not looked at": {"check": replace(report("check"), not_run=(NotRun(check="receipts", reason="REST"),))},
    "an action without a verdict": {"parity": one_without_a_verdict()},
    "an audit of nothing": {"audit": report("audit")},
    "no bridge": {"bridges": ()},
    "no rehearsal": {"drill": None},
    "an old rehearsal": {"drill": rehearsal(as_of=OLD)},
}


@pytest.mark.parametrize("name", CAUTIONING)
def test_one_of_these_only_cautions(name: str) -> None:
    """Somebody has to know it; it stays GO."""
    verdict = judge(replace(evidence(), **CAUTIONING[name]), LIMITS)
    assert verdict.go
    assert {reason.weight for reason in verdict.reasons} == {Weight.CAUTIONS}


def test_either_comparison_will_do() -> None:
    """That with the endpoints alone too; without any it stops."""
    known = replace(evidence(), parity=None, parity_rest=endpoints())
    assert judge(known, LIMITS).go
    assert not judge(replace(known, parity_rest=None), LIMITS).go


def test_a_notice_and_what_does_not_apply_say_nothing() -> None:
    """They are in the page, and no reasons."""
    not_there = NotRun(check="copies", reason="no such table", applies=False)
    harmless = replace(report("check", finding(Severity.NOTICE)), not_run=(not_there,))
    assert judge(replace(evidence(), check=harmless), LIMITS).reasons == ()


def test_a_lag_that_nobody_knows_is_no_reason() -> None:
    """Where no legacy client wrote, there is none."""
    assert judge(replace(evidence(), bridges=(bridge(lag=None),)), LIMITS).go


@pytest.mark.parametrize("value", [0.01, None])
def test_a_gate_that_is_not_broken_is_no_reason(value: float | None) -> None:
    """Nor one of which nothing is known: a report is for people, who see that for themselves."""
    assert judge(replace(evidence(), bridges=(bridge(rollout=at_a_gate(value)),)), LIMITS).reasons == ()


def test_a_broken_gate_is_named() -> None:
    """With the bridge, the limit, and what was measured."""
    verdict = judge(replace(evidence(), bridges=(bridge(rollout=at_a_gate(0.02)),)), LIMITS)
    assert [one.sentence for one in verdict.reasons] == [
        f"A gate is broken at {ADDRESS}: max_old_error_share 0.01: 0.02, broken."
    ]


def test_limits_can_be_chosen() -> None:
    """A team may ask for less, or for more."""
    known = replace(evidence(), parity=parity(0.99), bridges=(bridge(lag=2.5),))
    assert judge(known, Limits(consistency=0.98, lag_seconds=3.0)).go


def test_what_stops_comes_first() -> None:
    """Whatever the order in which it was found."""
    known = replace(evidence(), doctor=report("doctor", finding(Severity.WARNING), finding()), drill=None)
    weights = [reason.weight for reason in judge(known, LIMITS).reasons]
    assert weights == [Weight.STOPS, Weight.CAUTIONS, Weight.CAUTIONS]
