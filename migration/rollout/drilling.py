"""The whole way of a rollout, there and back, with connected clients, and how long each step took."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from pathlib import Path
from typing import Final

from msgspec import Struct

from bridge import paths
from bridge.clock import Clock
from bridge.models import UserId
from bridge.paths import Stage
from bridge.rollout.deciding import Person, decide
from bridge.rollout.plan import FORMAT as PLAN_FORMAT
from bridge.rollout.plan import Plan
from migration.errors import Interrupted
from migration.findings import FORMAT, Exit
from migration.rollout.audience import CLIENT, Audience
from migration.rollout.bridges import which_path
from migration.rollout.stepping import Wishes, advance, back, read

FOLLOWED_SECONDS: Final = 30.0
ASK_EVERY_SECONDS: Final = 0.1


class Theatre(Struct, frozen=True, kw_only=True):
    """Where a drill is held: a bridge that follows a plan, and people who may connect to it."""

    address: str
    """For HTTP."""
    socket: str
    plan: Path
    operator_token: str
    tokens: Mapping[UserId, str]
    sockets_each: int


class DrillStep(Struct, frozen=True, kw_only=True):
    """One step of a drill."""

    what: str
    """forward, kill switch or back."""
    before: str
    now: str
    seconds: float
    """From the beginning of the step until everybody was where it leads."""
    closed: int
    """Connections that were sent away."""
    open: int
    """Connections that stayed, and those of the newly admitted."""
    trouble: tuple[str, ...] = ()


class DrillReport(Struct, frozen=True, kw_only=True):
    """What a drill has shown."""

    command: str = "rollout drill"
    format: int = FORMAT
    as_of: datetime
    people: int
    steps: tuple[DrillStep, ...]
    forward_seconds: float
    """The longest step of its kind, and so are the next two."""
    back_seconds: float
    kill_seconds: float

    @property
    def exit(self) -> Exit:
        """Return the exit status: whether everybody was where they should be, each time."""
        return Exit.FOUND if any(step.trouble for step in self.steps) else Exit.CLEAN


def plan_text(steps: Sequence[float], salt: str, first: UserId) -> str:
    """Return the text of the plan that a drill begins with: nobody on the bridge, one person on the allow list."""
    return (
        f'format = {PLAN_FORMAT}\nstage = "off"\npercentage = 0\nkill_switch = false\nallow = ["{first}"]\n'
        f"salt = {json.dumps(salt, ensure_ascii=False)}\nsteps = [{', '.join(f'{one:g}' for one in steps)}]\n"
    )


async def drill(theatre: Theatre, clock: Clock, tell: Callable[[str], None]) -> DrillReport:
    """Take every step forward but the last, throw the kill switch, and take every step back.

    Raises:
        Interrupted: the bridge is gone, or the plan could not be written.

    """
    try:
        async with asyncio.TaskGroup() as tasks, AsyncExitStack() as connections:
            audience = Audience(theatre.socket, theatre.tokens, clock, tasks, connections)
            return await _Drill(theatre, audience, clock, tell).run()
    except ExceptionGroup as group:
        first = group.exceptions[0]
        raise Interrupted(f"The drill broke off: {first or type(first).__name__}") from group


class _Drill:
    def __init__(self, theatre: Theatre, audience: Audience, clock: Clock, tell: Callable[[str], None]) -> None:
        self._theatre = theatre
        self._audience = audience
        self._clock = clock
        self._tell = tell
        token = theatre.operator_token
        self._wishes = Wishes(plan=theatre.plan, bridges=(theatre.address,), operator_token=token)
        self._began_at = clock.now()
        self._steps: list[DrillStep] = []

    async def run(self) -> DrillReport:
        while self._plan().stage is not Stage.FULL:
            await self._take("forward", self._advance)
        await self._take("kill switch", lambda: self._throw_kill_switch(on=True))
        await self._take("kill switch off", lambda: self._throw_kill_switch(on=False))
        while self._plan().stage is not Stage.OFF:
            await self._take("back", lambda: back(self._wishes, self._clock, to=None, why="a drill"))
        return DrillReport(
            as_of=self._began_at,
            people=len(self._theatre.tokens),
            steps=tuple(self._steps),
            forward_seconds=self._longest("forward"),
            back_seconds=self._longest("back"),
            kill_seconds=self._longest("kill switch"),
        )

    def _longest(self, what: str) -> float:
        return max((step.seconds for step in self._steps if step.what == what), default=0.0)

    async def _take(self, what: str, step: Callable[[], object]) -> None:
        before, began = self._plan().place, self._clock.monotonic()
        there = self._audience.open_seats()
        await asyncio.to_thread(step)
        plan = self._plan()
        trouble = await self._followed(plan)
        followed_at = self._clock.monotonic()
        leaving = [seat for seat in there if self._path(plan, seat.user_id) is paths.Path.LEGACY]
        staying = [seat for seat in there if seat not in leaving]
        trouble += await self._audience.troubles(staying, leaving)
        ended = max([followed_at, *(seat.closed_at or 0.0 for seat in leaving)])
        admitted = [one for one in self._theatre.tokens if self._path(plan, one) is paths.Path.BRIDGE]
        await self._audience.fill(admitted, self._theatre.sockets_each)
        done = DrillStep(
            what=what,
            before=before,
            now=plan.place,
            seconds=round(ended - began, 2),
            closed=len(leaving),
            open=len(self._audience.open_seats()),
            trouble=tuple(trouble),
        )
        self._steps.append(done)
        self._tell(f"{what}: {before} → {done.now}, {done.seconds:g} s, {done.closed} closed, {done.open} open")

    async def _followed(self, plan: Plan) -> list[str]:
        """Wait until the bridge tells every person the path that the plan says; return who was told otherwise."""
        try:
            async with asyncio.timeout(FOLLOWED_SECONDS):
                for user_id, token in self._theatre.tokens.items():
                    expected = self._path(plan, user_id)
                    while not await self._is_told(token, expected):  # noqa: ASYNC110  # it happens in another process
                        await asyncio.sleep(ASK_EVERY_SECONDS)
        except TimeoutError:  # quiet: the drill's report says it
            return ["Somebody is told another path than the plan says."]
        return []

    async def _is_told(self, token: str, path: paths.Path) -> bool:
        return await asyncio.to_thread(which_path, self._theatre.address, token, CLIENT) == path

    def _advance(self) -> None:
        step = advance(self._wishes, self._clock, retire=False)
        if not step.taken:
            raise Interrupted(" ".join(step.reasons))

    def _throw_kill_switch(self, *, on: bool) -> None:
        path = self._theatre.plan
        now, then = ("false", "true") if on else ("true", "false")
        successor = path.with_suffix(".new")
        successor.write_text(path.read_text().replace(f"kill_switch = {now}", f"kill_switch = {then}"))
        successor.replace(path)

    def _plan(self) -> Plan:
        return read(self._wishes).plan

    @staticmethod
    def _path(plan: Plan, user_id: UserId) -> paths.Path:
        return decide(plan, Person(user_id=user_id, client=CLIENT.name, version=CLIENT.version)).path
