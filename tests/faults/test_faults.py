"""Whatever fails: nothing acknowledged is lost or doubled, one order for all, nothing to who is no member.

Each trial is a short one; `scripts/soak` runs the same ones long (docs/reliability.md). What is judged, and how, is in
scripts/chaos/checker.py, whose own tests are in tests/chaos.
"""

from __future__ import annotations

from collections.abc import Set

import pytest
from msgspec.structs import replace

import bridge.feed.supabase.epoch
import bridge.feed.supabase.heartbeats
from bridge.app import Bridge
from bridge.events import Event, MessageSent, message_key
from scripts.chaos.checker import Verdict
from scripts.chaos.faults import FAULTS
from scripts.chaos.trial import Outcome
from scripts.stack import running_sandbox
from tests.faults.conftest import PLAN, Trials

ONE_STRIKE = replace(PLAN, strikes=1)
OWN_SANDBOX = "postgres-kill"
IMPATIENT = "supabase-half-open"
UNINTERRUPTED = {"none", "client-reset", "client-half-open", "client-delay", "client-duplicate", "repeated"}
"""Here the bridge's own writes go well, so nothing may be late."""


def judged(outcome: Outcome) -> Verdict:
    """Return a verdict that is good."""
    verdict = outcome.verdict
    assert verdict.is_good, verdict
    assert verdict.messages >= verdict.acknowledged > PLAN.messages / 2
    return verdict


@pytest.mark.parametrize("name", sorted(FAULTS.keys() - {OWN_SANDBOX, IMPATIENT}))
async def test_nothing_is_lost_doubled_disordered_or_leaked(name: str, trials: Trials) -> None:
    """Under each fault, for readers of every kind."""
    verdict = judged(await trials.run(name, ONE_STRIKE if FAULTS[name].needs_process else PLAN))
    assert name not in UNINTERRUPTED or not verdict.late


async def test_nor_by_a_half_open_way_to_supabase(trials: Trials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found by heartbeats that are not answered; here within a second."""
    for module in (bridge.feed.supabase.epoch, bridge.feed.supabase.heartbeats):
        monkeypatch.setattr(module, "HEARTBEAT_SECONDS", 0.3)
    monkeypatch.setattr(bridge.feed.supabase.heartbeats, "DEAD_AFTER_SECONDS", 0.6)
    judged(await trials.run(IMPATIENT))


async def test_nor_by_a_database_that_is_killed() -> None:
    """In a sandbox of its own: whoever shares it would notice."""
    async with running_sandbox(quiet=True) as (sandbox, _):
        judged(await Trials(sandbox).run(OWN_SANDBOX, ONE_STRIKE))


async def test_a_bridge_that_forgets_a_message_is_found_out(trials: Trials) -> None:
    """A trial that cannot fail proves nothing."""

    def forget_one(parts: Bridge) -> None:
        hub, send = parts.context.hub, parts.context.hub._send

        def forgetful(event: Event, members: Set[str], *, since: int = 0) -> None:
            if isinstance(event, MessageSent) and event.message.content == "message 000030":
                hub.pass_over(message_key(event.message.id))
            send(event, members, since=since)

        hub._send = forgetful  # type: ignore[method-assign]  # what is broken on purpose

    outcome = await trials.run("none", replace(PLAN, messages=60, patience_seconds=0.5), prepare=forget_one)
    assert outcome.verdict.lost == 1
