"""Evidence with which everything is in order, to be spoilt piece by piece."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from msgspec.structs import replace

from bridge.models import ConversationId, UserId
from bridge.usage import RequestsCounted, WritesCounted
from bridge.usage.reading import UsageRead, shares_of
from migration.checks import CHECKS
from migration.doctor import LOOKS
from migration.examining import OPTIONAL
from migration.findings import Finding, Passed, Report, Severity
from migration.parity import COMPARISONS, OldSide
from migration.parity.tally import ParityReport, Rates
from migration.report.evidence import (
    BridgeSeen,
    BridgeState,
    Connected,
    Dial,
    Evidence,
    Feed,
    Rollout,
)
from migration.rollout.drilling import DrillReport, DrillStep

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
ADDRESS = "http://bridge-1:8080"


def report(command: str, *findings: Finding, as_of: datetime = NOW) -> Report:
    """Return what a command left that looked at everything."""
    parts = {"doctor": LOOKS.keys() - OPTIONAL, "check": CHECKS.keys()}.get(command, {"lost_messages"})
    return Report(
        command=command,
        subject="project abc",
        as_of=as_of,
        ended_at=as_of + timedelta(seconds=1),
        findings=findings,
        passed=tuple(Passed(check=name) for name in sorted(parts)),
        not_run=(),
    )


def finding(severity: Severity = Severity.ERROR, evidence: str = "3 rows") -> Finding:
    """Return one finding."""
    return Finding(
        check="orphans", severity=severity, evidence=evidence, fix="delete them", consequence="nobody sees them"
    )


def parity(consistency: float | None = 1.0, as_of: datetime = NOW, old: OldSide = OldSide.POSTGREST) -> ParityReport:
    """Return what parity found."""
    return ParityReport(
        old=old,
        subject="project abc",
        bridge=ADDRESS,
        as_of=as_of,
        ended_at=as_of,
        people=50,
        everybody=120,
        seconds=10.0,
        people_per_second=5.0,
        actions=tuple(
            Rates(action=action, trials=100, matched=100, consistency=consistency, control_noise=0.0)
            for action in COMPARISONS[old]
        ),
        mismatches=(),
    )


def endpoints(consistency: float | None = 1.0, as_of: datetime = NOW) -> ParityReport:
    """Return what parity found beside the app's own endpoints."""
    return replace(parity(consistency, as_of, OldSide.REST), old_server="app.example.org")


def bridge(lag: float | None = 0.25, *, live: bool = True, rollout: Rollout | None = None) -> BridgeSeen:
    """Return a bridge as it is now."""
    return BridgeSeen(
        address=ADDRESS,
        state=BridgeState(
            status="live" if live else "degraded",
            reasons=() if live else ("no feed",),
            uptime_seconds=5.0,
            sockets=Connected(open=7, people=6),
            feed=Feed(live=live, lag_seconds_at_most={"p50": 0.1, "p99": lag}, changes_heard=9, rescued_messages=2),
            rollout=rollout or Rollout(plan=Dial(place="ramp 25 %", kill_switch=False), connections={"bridge": 3}),
        ),
    )


def rehearsal(*trouble: str, as_of: datetime = NOW) -> DrillReport:
    """Return a drill, the last step of which perhaps went wrong."""
    steps = (
        DrillStep(what="forward", before="off", now="shadow", seconds=0.5, closed=0, open=3),
        DrillStep(what="back", before="shadow", now="off", seconds=1.5, closed=3, open=0, trouble=trouble),
    )
    return DrillReport(as_of=as_of, people=3, steps=steps, forward_seconds=0.5, back_seconds=1.5, kill_seconds=0.0)


def usage() -> UsageRead:
    """Return a ledger of two days."""
    day = date(2026, 11, 25)
    writes = [
        WritesCounted(
            day=day + timedelta(days=number),
            table="messages",
            conversation_id=ConversationId("c"),
            by_bridge=6 + number,
            by_legacy=2 - number,
        )
        for number in range(2)
    ]
    requests = [
        RequestsCounted(
            day=day, endpoint="list_groups", client="<app>", version="1", user_id=UserId("u"), count=4, last_seen=NOW
        )
    ]
    return UsageRead(since=day, is_complete=True, requests=requests, shares=shares_of(writes), writes=writes)


def evidence() -> Evidence:
    """Return evidence against which nothing can be said."""
    return Evidence(
        as_of=NOW,
        doctor=report("doctor"),
        check=report("check"),
        audit=replace(report("audit"), rows={"messages": 7}),
        parity=parity(),
        drill=rehearsal(),
        usage=usage(),
        bridges=(bridge(),),
    )
