"""How the rollout stands at one bridge, for operators and for the tools that read it."""

from __future__ import annotations

from msgspec import Struct

from bridge.paths import Path, Stage
from bridge.rollout.gates import Gate, Watch
from bridge.rollout.plan import LastChange, Plan


class PlanStatus(Struct, frozen=True, kw_only=True):
    """The plan in force."""

    stage: Stage
    place: str
    kill_switch: bool
    revision: str
    last_change: LastChange | None
    gates: tuple[Gate, ...]
    """What must hold before the next step, as it is now."""
    hold_minutes: float
    """For how long they must hold."""
    step_back: tuple[Gate, ...]
    """What must not be broken for long."""
    gates_revision: str | None = None
    """Of the plan that both were measured under: for seconds after a change it is the one before."""


class RolloutStatus(Struct, frozen=True, kw_only=True):
    """The rollout at one bridge."""

    plan: PlanStatus | None
    error: str | None
    """Why the plan's file as it is now is not in force; one sentence."""
    has_own_provider: bool
    connections: dict[Path, int]
    """Authenticated ones, by where the rollout sends their users; none without a rollout."""


def plan_status(plan: Plan, revision: str, watch: Watch) -> PlanStatus:
    """Put together what is said of a plan, and of what is measured."""
    return PlanStatus(
        stage=plan.stage,
        place=plan.place,
        kill_switch=plan.kill_switch,
        revision=revision,
        last_change=plan.last_change,
        gates=watch.gates,
        hold_minutes=plan.gates.hold_minutes,
        step_back=watch.step_back,
        gates_revision=watch.revision,
    )
