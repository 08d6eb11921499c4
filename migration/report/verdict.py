"""GO or NO-GO, and why. Pure: the same evidence gives the same verdict."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from bridge.rollout.gates import GateState
from migration.checks import CHECKS
from migration.doctor import LOOKS
from migration.examining import OPTIONAL
from migration.findings import Exit, Report, Severity
from migration.parity import COMPARISONS, OldSide
from migration.parity.tally import ParityReport
from migration.report.evidence import BridgeSeen, Dial, Evidence

MAX_AGE = timedelta(days=7)
"""Older evidence speaks of another project than today's."""
INDISPENSABLE = frozenset({"keys", "signing", "tables", "realtime"})
"""What the doctor has to have looked at; without its credentials it says what it left out, and finds nothing."""
MAX_NAMED = 5


class Weight(StrEnum):
    """How much a reason counts."""

    STOPS = "stops"
    """NO-GO as long as it is so."""
    CAUTIONS = "cautions"
    """Worth a decision by somebody; does not stop."""


class Reason(Struct, frozen=True, kw_only=True):
    """Something that speaks against going on."""

    weight: Weight
    sentence: str
    remedy: str
    """What to do about it."""


class Limits(Struct, frozen=True, kw_only=True):
    """What must hold."""

    consistency: float = 0.999
    """Share of comparisons that must match, for each action."""
    lag_seconds: float = 1.0
    """At most so long may pass, for 99 of 100 changes, between a legacy write and the bridge's hearing of it."""


class Verdict(Struct, frozen=True, kw_only=True):
    """The answer with its reasons, those that stop first."""

    go: bool
    reasons: tuple[Reason, ...]


def judge(evidence: Evidence, limits: Limits) -> Verdict:
    """Weigh everything that is known, and what is not."""
    found = [
        *_of_report("doctor", evidence.doctor, evidence.as_of, LOOKS.keys() - OPTIONAL),
        *_of_report("check", evidence.check, evidence.as_of, CHECKS.keys()),
        *_of_report("audit", evidence.audit, evidence.as_of),
        *_of_audit(evidence.audit),
        *_of_databases(evidence),
        *_of_parity(evidence, limits),
        *_of_bridges(evidence, limits),
        *_of_drill(evidence),
    ]
    reasons = sorted(found, key=lambda reason: list(Weight).index(reason.weight))
    return Verdict(go=not any(reason.weight is Weight.STOPS for reason in reasons), reasons=tuple(reasons))


def _stops(sentence: str, remedy: str) -> Reason:
    return Reason(weight=Weight.STOPS, sentence=sentence, remedy=remedy)


def _cautions(sentence: str, remedy: str) -> Reason:
    return Reason(weight=Weight.CAUTIONS, sentence=sentence, remedy=remedy)


def _command(name: str) -> str:
    return f"Run python -m migration {name}."


def _is_old(moment: datetime, now: datetime) -> bool:
    return now - moment > MAX_AGE


def _of_report(name: str, report: Report | None, now: datetime, parts: Collection[str] = ()) -> Iterator[Reason]:
    """Judge a report that is to tell of all these parts: after --only it tells of some, and looks like a good one."""
    if report is None:
        yield _stops(f"{name} was never run.", _command(name))
        return
    if _is_old(report.as_of, now):
        yield _stops(f"{name} was last run on {report.as_of:%Y-%m-%d}.", _command(name))
    unasked = sorted(set(parts) - report.asked)
    if unasked:
        more = f" and {len(unasked) - MAX_NAMED} more" if len(unasked) > MAX_NAMED else ""
        yield _stops(f"{name} was last run without {', '.join(unasked[:MAX_NAMED])}{more}.", _command(name))
    if not report.is_complete:
        left_out = [one.check for one in report.not_run if one.applies]
        weigh = _cautions if INDISPENSABLE.isdisjoint(left_out) else _stops
        yield weigh(f"{name} could not look at everything: {', '.join(left_out)}.", "See its reasons below.")
    for finding in report.findings:
        if finding.severity is Severity.ERROR:
            yield _stops(f"{name} found {finding.check}: {finding.evidence}", finding.fix)
        elif finding.severity is Severity.WARNING:
            yield _cautions(f"{name} found {finding.check}: {finding.evidence}", finding.fix)


def _of_audit(audit: Report | None) -> Iterator[Reason]:
    if audit is None or audit.findings:
        return
    messages = sum(audit.rows.values()) if audit.series is None else audit.series.messages
    if not messages:
        yield _cautions("audit looked at no message: nobody wrote one meanwhile.", "Let it go on for longer: --every.")


def _of_databases(evidence: Evidence) -> Iterator[Reason]:
    told = {report.command: report.fingerprint for report in (evidence.doctor, evidence.check) if report is not None}
    if len({fingerprint for fingerprint in told.values() if fingerprint is not None}) > 1:
        yield _stops(f"{' and '.join(told)} looked at different databases.", "Run both again, with one address.")


def _of_parity(evidence: Evidence, limits: Limits) -> Iterator[Reason]:
    if not evidence.comparisons:
        yield _stops("Both ways were never compared.", _command("parity"))
    for parity in evidence.comparisons:
        if _is_old(parity.as_of, evidence.as_of):
            yield _stops(f"Both ways were last compared ({parity.old}) on {parity.as_of:%Y-%m-%d}.", _again(parity))
        left_out = sorted(COMPARISONS[parity.old].keys() - {rate.action for rate in parity.actions})
        if left_out:
            yield _stops(f"Both ways were last compared ({parity.old}) without {', '.join(left_out)}.", _again(parity))
        if all(rate.consistency is None for rate in parity.actions):
            yield _stops(f"Both ways were last compared ({parity.old}) without any verdict.", _again(parity))
        yield from _of_rates(parity, limits)


def _of_rates(parity: ParityReport, limits: Limits) -> Iterator[Reason]:
    for rate in parity.actions:
        if rate.consistency is None:
            yield _cautions(f"{rate.action} was never compared with a verdict ({parity.old}).", _again(parity))
        elif rate.consistency < limits.consistency:
            yield _stops(
                f"{rate.action} agrees in {rate.consistency:.2%} of comparisons ({parity.old}), not in"
                f" {limits.consistency:.2%}.",
                "Look at the mismatches that parity shows.",
            )


def _again(parity: ParityReport) -> str:
    return _command("parity" if parity.old is OldSide.POSTGREST else "parity --old rest")


def _of_bridges(evidence: Evidence, limits: Limits) -> Iterator[Reason]:
    if not evidence.bridges:
        yield _cautions("No bridge was asked how it is.", "Give --bridge, or set MIGRATION_BRIDGES.")
    for seen in evidence.bridges:
        yield from _of_bridge(seen, limits)


def _of_bridge(seen: BridgeSeen, limits: Limits) -> Iterator[Reason]:
    state = seen.state
    if state is None:
        yield _stops(f"The bridge at {seen.address} {seen.trouble}.", "Look at its log.")
        return
    for reason in state.reasons:
        yield _stops(f"The bridge at {seen.address} is not ready: {reason}.", "Look at its /status.")
    if not state.feed.live:
        yield _stops(f"The bridge at {seen.address} does not hear Realtime.", "Look at its /status.")
    lag = state.feed.lag_seconds_at_most.get("p99")
    if lag is not None and lag > limits.lag_seconds:
        yield _stops(
            f"The bridge at {seen.address} hears of changes after up to {lag:g} s (p99), not {limits.lag_seconds:g} s.",
            "Look at the load of Realtime and of the bridge.",
        )
    if state.rollout.error is not None:
        yield _stops(f"The bridge at {seen.address} does not follow its plan: {state.rollout.error}", "Mend the plan.")
    if state.rollout.plan is not None:
        yield from _of_plan(seen.address, state.rollout.plan)


def _of_plan(address: str, plan: Dial) -> Iterator[Reason]:
    if plan.kill_switch:
        yield _stops(f"The kill switch is on at {address}.", "Find out why before it is taken off.")
    for gate in plan.gates:
        if gate.state is GateState.BROKEN:
            yield _stops(f"A gate is broken at {address}: {gate.sentence}.", "Look at its /status and its log.")


def _of_drill(evidence: Evidence) -> Iterator[Reason]:
    drill = evidence.drill
    if drill is None:
        yield _cautions("The way back was never rehearsed.", _command("rollout drill"))
    elif drill.exit is not Exit.CLEAN:
        yield _stops("The last rehearsal of the way back failed.", _command("rollout drill"))
    elif _is_old(drill.as_of, evidence.as_of):
        yield _cautions(f"The way back was last rehearsed on {drill.as_of:%Y-%m-%d}.", _command("rollout drill"))
