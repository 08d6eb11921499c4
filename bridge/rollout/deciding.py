"""Plan and person to decision: pure, and the same in every process.

Cohorts are sticky: a user's place among all users follows from the user's id and the plan's salt alone. So whoever is
in at 5 % is in at 25 %, and a step back lets out only those who came last.
"""

from __future__ import annotations

import hashlib
from typing import Final

from msgspec import Struct

from bridge.models import UserId
from bridge.paths import Decision, Path, Reason, Stage
from bridge.rollout.plan import Plan
from bridge.rollout.versions import is_older

PLACES: Final = 10_000
"""A percentage is exact to a hundredth."""


class Person(Struct, frozen=True, kw_only=True):
    """Whom a decision is about, and with which client."""

    user_id: UserId
    client: str = ""
    version: str = ""


def place_of(user_id: UserId, salt: str) -> int:
    """Return the user's place among all users, from 0 up to PLACES; evenly spread, and another with another salt."""
    digest = hashlib.sha256(f"{salt}\0{user_id}".encode()).digest()
    return int.from_bytes(digest[:8]) * PLACES >> 64


def is_within(user_id: UserId, salt: str, percentage: float) -> bool:
    """Tell whether the user is among this percentage of all."""
    return place_of(user_id, salt) < round(percentage * PLACES / 100)


def decide(plan: Plan, person: Person) -> Decision:
    """Return which way a person takes; what stands first counts."""
    if plan.kill_switch:
        return _decision(plan, Path.LEGACY, Reason.KILL_SWITCH)
    if plan.stage in {Stage.OFF, Stage.SHADOW}:
        return _decision(plan, Path.LEGACY, Reason.STAGE)
    if plan.stage is Stage.RETIRED:
        return _decision(plan, Path.BRIDGE, Reason.STAGE)
    if person.user_id in plan.deny:
        return _decision(plan, Path.LEGACY, Reason.DENIED)
    if _is_too_old(plan, person):
        return _decision(plan, Path.LEGACY, Reason.CLIENT_TOO_OLD)
    if person.user_id in plan.allow:
        return _decision(plan, Path.BRIDGE, Reason.ALLOWED)
    return _by_stage(plan, person)


def _by_stage(plan: Plan, person: Person) -> Decision:
    if plan.stage is Stage.FULL:
        return _decision(plan, Path.BRIDGE, Reason.STAGE)
    if plan.stage is Stage.RAMP:
        is_in = is_within(person.user_id, plan.salt, plan.percentage)
        return _decision(plan, Path.BRIDGE if is_in else Path.LEGACY, Reason.COHORT)
    return _decision(plan, Path.LEGACY, Reason.STAGE)


def _is_too_old(plan: Plan, person: Person) -> bool:
    minimum = plan.minimum_versions.get(person.client, plan.minimum_versions.get("*"))
    return minimum is not None and is_older(person.version, minimum)


def _decision(plan: Plan, path: Path, reason: Reason) -> Decision:
    return Decision(path=path, reason=reason, stage=plan.stage)
