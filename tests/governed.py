"""A world whose connections are held to a plan."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.dial import Dial
from bridge.rollout.asking import Rollout
from bridge.rollout.plan import Plan
from tests.parts import Parts
from tests.plans import HeldPlan


@asynccontextmanager
async def governed(parts: Parts, plan: Plan) -> AsyncIterator[HeldPlan]:
    """Hold the connections that are opened from now on to a plan."""
    held = HeldPlan(plan)
    rollout = Rollout(held, None)
    await rollout.start()
    parts.dial = Dial(rollout, parts.context.history, parts.clock)
    yield held
    rollout.stop()
