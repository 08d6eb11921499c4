"""Each fault, long: the trials of tests/faults with thousands of messages, on a bridge that is a process of its own."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import msgspec

from scripts.chaos.faults import FAULTS
from scripts.chaos.ground import change_log, ground
from scripts.chaos.trial import Outcome, Plan, attempt
from scripts.soaking.results import RESULTS, FaultRun, keep
from scripts.stack import running_sandbox

UNHURRIED = {
    "BRIDGE_FRAMES_PER_SECOND": "10000",
    "BRIDGE_USER_FRAMES_PER_SECOND": "10000",
}
"""The writers of a trial write faster than people; what the limits do is another matter."""


async def run(names: Sequence[str], plan: Plan) -> bool:
    """Run these faults, each in a sandbox of its own, and keep what comes of it; tell whether all was well."""
    return all([await _run(name, plan) for name in names])


async def _run(name: str, plan: Plan) -> bool:
    fault = FAULTS[name]
    print(f"{name}: {fault.meaning}", flush=True)
    began_at = time.monotonic()
    async with (
        running_sandbox(quiet=True) as (sandbox, _),
        change_log(sandbox) if fault.has_change_log else nullcontext(),
        ground(sandbox, environment={**UNHURRIED, **fault.settings}) as place,
    ):
        outcome = await attempt(place, fault, plan)
    run = _measured(name, outcome, time.monotonic() - began_at)
    keep(run)
    print(f"  {msgspec.json.encode(run).decode()}", flush=True)
    if not outcome.verdict.is_good:
        print(f"  broken promises; the history is in {_store_history(name, outcome)}", flush=True)
    return outcome.verdict.is_good


def _measured(name: str, outcome: Outcome, seconds: float) -> FaultRun:
    verdict = outcome.verdict
    return FaultRun(
        fault=name,
        messages=verdict.messages,
        lost=verdict.lost,
        duplicated=verdict.duplicated,
        out_of_order=verdict.out_of_order,
        late=len(verdict.late),
        leaked=len(verdict.leaked) + len(verdict.invented),
        recovery_seconds=verdict.recovery_seconds,
        seconds=round(seconds, 1),
    )


def _store_history(name: str, outcome: Outcome) -> Path:
    path = RESULTS.with_name(f"{name}.jsonl")
    lines = [msgspec.json.encode(one) for one in (outcome.verdict, *outcome.history)]
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path
