"""Watches what is measured, and takes the rollout one step back by itself when a threshold is broken for too long."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from bridge.clock import Clock
from bridge.dial import Dial
from bridge.rollout.editing import WITH_PEOPLE, PlanChanged, change_of, moved, previous_place, write_step
from bridge.rollout.gates import Readings, Watch
from bridge.rollout.plan import PlanError
from bridge.rollout.plan_file import PlanFile
from bridge.rollout.status import RolloutStatus, plan_status

READ_EVERY_SECONDS: Final = 5.0
NOTICE_SECONDS: Final = 0.5
"""How soon another plan is measured: until then nothing is known of its gates."""
BY: Final = "bridge"
_ONLY_HERE: Final = "The last step back is in force in this process only."

log = structlog.get_logger(__name__)


class StepBack:
    """The watch over one plan's file."""

    def __init__(self, file: PlanFile, readings: Readings, clock: Clock) -> None:
        self.file = file
        self.watch = Watch()
        self._readings = readings
        self._clock = clock
        self._stepped_from: str | None = None

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            revision = self.file.current.revision
            try:
                await self.look()
            except Exception:
                log.exception("rollout.watch_failed")
            await self._pause(revision)

    async def _pause(self, revision: str) -> None:
        """Wait until it is time to look again, or there is another plan than this one."""
        for _ in range(int(READ_EVERY_SECONDS / NOTICE_SECONDS)):
            await asyncio.sleep(NOTICE_SECONDS)
            if self.file.current.revision != revision:
                return

    async def look(self) -> None:
        """Look once at what is measured."""
        current = self.file.current
        why = self.watch.look(current.plan, current.revision, self._readings.read(), self._clock.monotonic())
        # A step that is written already is in force when the file has been read again.
        if why is not None and current.revision != self._stepped_from:
            await self._step(why)

    async def _step(self, why: str) -> None:
        current = self.file.current
        place = previous_place(current.plan)
        if current.plan.kill_switch or current.plan.stage not in WITH_PEOPLE or place is None:
            return  # nobody is on the bridge, or there is no other path for them
        change = change_of(current.plan, at=self._clock.now(), by=BY, why=why)
        try:
            await asyncio.to_thread(write_step, self.file.path, current, place, change)
        except PlanChanged:  # quiet: whoever was quicker has told of it
            if self.file.error is None:
                return  # another bridge was quicker, or somebody changed the plan a moment ago
            self.file.hold(moved(current.plan, place, change), f"{self.file.error} {_ONLY_HERE}")
        except PlanError as error:
            self.file.hold(moved(current.plan, place, change), f"{error} {_ONLY_HERE}")
        self._stepped_from = current.revision
        log.error("rollout.stepped_back", before=change.before, now=place.words, why=why)  # no trace to show


def rollout_status(dial: Dial, watch: StepBack | None) -> RolloutStatus:
    """Say how the rollout stands at this bridge."""
    source = dial.rollout.source
    if source is None or watch is None:
        plan = None
    else:
        plan = plan_status(source.current.plan, source.current.revision, watch.watch)
    return RolloutStatus(
        plan=plan,
        error=source.error if source else None,
        has_own_provider=dial.rollout.has_own_provider,
        connections=dial.connections,
    )
