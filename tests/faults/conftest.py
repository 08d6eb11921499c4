"""A place for trials: a bridge between two proxies, in this process unless it is to be killed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext

import pytest

from bridge.app import Bridge
from scripts.chaos.faults import FAULTS, Fault
from scripts.chaos.ground import Ground, change_log, ground
from scripts.chaos.trial import Outcome, Plan, attempt
from scripts.sandbox.address import SandboxAddress
from tests.e2e.conftest import Prepare, running

PLAN = Plan(messages=100, strikes=2, patience_seconds=90.0)
"""Enough for every fault to hit messages on their way; ends when everything is there, not at a time."""


class Trials:
    """Runs trials on one sandbox."""

    def __init__(self, sandbox: SandboxAddress) -> None:
        self._sandbox = sandbox

    async def run(self, name: str, plan: Plan = PLAN, *, prepare: Prepare = lambda _: None) -> Outcome:
        """Run the fault of this name; for the bridge's slow timer nobody has to wait."""
        fault = FAULTS[name]
        async with change_log(self._sandbox) if fault.has_change_log else nullcontext():
            return await self._run(name, fault, plan, prepare)

    async def _run(self, name: str, fault: Fault, plan: Plan, prepare: Prepare) -> Outcome:
        if fault.needs_process:
            async with ground(self._sandbox, environment=fault.settings) as place:
                return await attempt(place, fault, plan)
        bridges: list[Bridge] = []
        async with self._here(name, bridges, prepare) as place:

            async def look_into_the_tables() -> None:
                await bridges[0].relay.catch_up()

            return await attempt(place, fault, plan, slow_timer=look_into_the_tables)

    @asynccontextmanager
    async def _here(self, name: str, bridges: list[Bridge], prepare: Prepare) -> AsyncIterator[Ground]:
        """Run the bridge in this process."""
        settings = dict(FAULTS[name].settings)

        @asynccontextmanager
        async def start(supabase_url: str, port: int) -> AsyncIterator[None]:
            async with running(self._sandbox, prepare, supabase_url=supabase_url, port=port, **settings) as started:
                bridges.append(started.parts)
                yield

        async with ground(self._sandbox, start=start) as place:
            yield place


@pytest.fixture
def trials(sandbox: SandboxAddress) -> Trials:
    """Run trials on the sandbox that all tests share."""
    return Trials(sandbox)
