"""Plans for tests, in force without a file."""

from __future__ import annotations

from bridge.paths import Stage
from bridge.rollout.plan import FORMAT, Plan
from bridge.rollout.plan_file import PlanInForce

SALT = "autumn"


def plan_of(stage: Stage, **fields: object) -> Plan:
    """Return a plan at this stage."""
    return Plan(format=FORMAT, stage=stage, salt=SALT, **fields)  # type: ignore[arg-type]  # what a test wants


class HeldPlan:
    """A plan that a test replaces."""

    def __init__(self, plan: Plan) -> None:
        self.current = PlanInForce(plan=plan, revision="1")
        self.error: str | None = None
        self._replaced = False

    def replace(self, plan: Plan) -> None:
        """Put another plan in force from the next look on."""
        self.current = PlanInForce(plan=plan, revision="2")
        self._replaced = True

    def look(self) -> bool:
        """Tell whether the plan was replaced since the last look."""
        replaced, self._replaced = self._replaced, False
        return replaced
