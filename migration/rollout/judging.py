"""Plan, bridges and readings to what speaks against the next step. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from bridge.rollout.gates import MINUTE, Gate, GateState, Measure, gates
from bridge.rollout.plan import Plan
from bridge.rollout.plan_file import PlanInForce
from migration.rollout.bridges import BridgeView

_WORST_FIRST: Final = (GateState.BROKEN, GateState.UNKNOWN, GateState.HOLDS)


def judged_gates(
    current: PlanInForce, views: Sequence[BridgeView], handed: Mapping[Measure, float], kept: Mapping[Measure, float]
) -> tuple[Gate, ...]:
    """Return every gate of the plan as it stands: by what is handed in, else by the bridges, where it stands worst.

    What another tool has kept counts where a bridge does not know. What was measured under another plan says nothing.
    """
    seen = [gate for view in views for gate in _measured(view, current)]
    by_hand, by_tools = gates(current.plan.gates, handed), gates(current.plan.gates, kept)
    return tuple(_chosen(hand, tool, _worst(hand, seen)) for hand, tool in zip(by_hand, by_tools, strict=True))


def is_of_another_plan(view: BridgeView, current: PlanInForce) -> bool:
    """Tell whether a bridge's gates are still those of another plan: it looks every few seconds."""
    plan = view.status.plan if view.status else None
    return plan is not None and plan.gates_revision not in {None, current.revision}


def _measured(view: BridgeView, current: PlanInForce) -> Sequence[Gate]:
    if is_of_another_plan(view, current):
        return gates(current.plan.gates, {})
    return view.status.plan.gates if view.status and view.status.plan else ()


def _chosen(by_hand: Gate, by_tool: Gate, by_bridges: Gate) -> Gate:
    if by_hand.value is not None:
        return replace(by_hand, seconds=None)
    if by_bridges.state is GateState.UNKNOWN and by_tool.value is not None:
        return replace(by_tool, seconds=None)
    return by_bridges


def _worst(unknown: Gate, seen: Iterable[Gate]) -> Gate:
    same = [gate for gate in seen if (gate.measure, gate.limit) == (unknown.measure, unknown.limit)]
    return min(same, key=lambda gate: (_WORST_FIRST.index(gate.state), gate.seconds or 0.0), default=unknown)


def reasons_against(plan: Plan, found: Iterable[Gate]) -> Iterator[str]:
    """Yield why the next step must not be taken now, as far as the plan and its gates go."""
    if plan.kill_switch:
        yield "The kill switch is on."
    for gate in found:
        if gate.state is not GateState.HOLDS:
            yield f"{gate.sentence}."
        elif not gate.lasts(plan.gates.hold_minutes):
            held = f"for {(gate.seconds or 0.0) / MINUTE:.0f} of {plan.gates.hold_minutes:g} minutes"
            yield f"{gate.sentence}, but only {held}."


def troubles(plan: PlanInForce, views: Iterable[BridgeView]) -> Iterator[str]:
    """Yield what is wrong with bridges: those that do not follow this plan are not where the dial says."""
    for view in views:
        if view.trouble is not None or view.status is None:
            yield f"{view.address} {view.trouble}."
        elif view.status.error is not None:
            yield f"{view.address} does not follow the file: {view.status.error}"
        elif view.status.plan is None:
            yield f"{view.address} has no plan: is BRIDGE_ROLLOUT_FILE set there?"
        elif view.status.plan.revision != plan.revision:
            other = view.status.plan
            yield f"{view.address} follows another plan ({other.place}), revision {other.revision}."


def cannot_be_asked(views: Iterable[BridgeView]) -> bool:
    """Tell whether one of the bridges says nothing."""
    return any(view.status is None for view in views)
