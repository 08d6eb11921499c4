"""A threshold that is broken for too long takes the rollout one step back, in the file or, failing that, in memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.clock import FakeClock
from bridge.dial import Dial
from bridge.history import History
from bridge.paths import Path as ChatPath
from bridge.paths import Stage
from bridge.rollout import plan_file
from bridge.rollout.asking import Rollout
from bridge.rollout.gates import GateState, Measure, Sources
from bridge.rollout.plan_file import PlanFile
from bridge.rollout.status import RolloutStatus
from bridge.stepping_back import NOTICE_SECONDS, READ_EVERY_SECONDS, StepBack, rollout_status
from bridge.wiring import watch_of
from tests.virtual_time import in_virtual_time
from tests.world import world

WATCHED = "[gates]\nmax_lag_seconds = 5\n[step_back]\nmax_lag_seconds = 60\nafter_minutes = 5\n"


class Scene:
    """A bridge's watch over a file, with a lag that a test sets."""

    def __init__(self, path: Path, stage: str, more: str = "") -> None:
        self.path = path
        self.write(stage, more)
        self.clock = FakeClock()
        self.lag = 0.0
        self.file = PlanFile(path)
        self.step_back = self.another()

    def another(self) -> StepBack:
        """Return another bridge's watch over the same file."""
        return StepBack(PlanFile(self.path), Sources({Measure.LAG: lambda: self.lag}), self.clock)

    def write(self, stage: str, more: str = "") -> None:
        """Write a plan."""
        self.path.write_text(f'format = 1\nsalt = "s"\nstage = "{stage}"\nsteps = [1, 50]\n{more}\n{WATCHED}')

    async def minutes(self, number: float, *bridges: StepBack) -> None:
        """Let time pass; every bridge looks at the file and at what is measured."""
        for _ in range(int(number * 60 / READ_EVERY_SECONDS)):
            self.clock.advance(READ_EVERY_SECONDS)
            for bridge in bridges or (self.step_back,):
                bridge.file.look()
                await bridge.look()
        for bridge in bridges or (self.step_back,):
            bridge.file.look()
            bridge.file.look()

    def place(self) -> str:
        """Return how far the rollout is by the file."""
        return PlanFile(self.path).current.plan.place


async def test_a_threshold_broken_for_long_enough_is_one_step_back(tmp_path: Path) -> None:
    """One, written into the file with the reason; the next would need as long again."""
    scene = Scene(tmp_path / "rollout.toml", "full")
    scene.lag = 61
    await scene.minutes(4.9)
    assert scene.place() == "full"
    with capture_logs() as logs:
        await scene.minutes(0.5)
    assert scene.place() == "ramp 50 %"
    why = "max_lag_seconds 60: 61, broken for 5 minutes"
    assert [(one["before"], one["now"], one["why"]) for one in logs if one["event"] == "rollout.stepped_back"] == [
        ("full", "ramp 50 %", why)
    ]
    change = scene.step_back.file.current.plan.last_change
    assert change is not None
    assert (change.before, change.by, change.why) == ("full", "bridge", why)
    await scene.minutes(4.5)
    assert scene.place() == "ramp 50 %"
    await scene.minutes(1)
    assert scene.place() == "ramp 1 %"


async def test_a_threshold_that_holds_again_ends_it(tmp_path: Path) -> None:
    """A short trouble moves nobody."""
    scene = Scene(tmp_path / "rollout.toml", "full")
    for _ in range(3):
        scene.lag = 61
        await scene.minutes(4)
        scene.lag = 3
        await scene.minutes(1)
    assert scene.place() == "full"
    [gate] = scene.step_back.watch.gates
    assert (gate.state, gate.seconds) == (GateState.HOLDS, 55)


@pytest.mark.parametrize(
    ("stage", "more", "ends"),
    [
        ("canary", "", "off"),
        ("shadow", "", "shadow"),
        ("off", "", "off"),
        ("retired", "", "retired"),
        ("full", "kill_switch = true", "full"),
    ],
)
async def test_it_ends_where_nobody_is_on_the_bridge(tmp_path: Path, stage: str, more: str, ends: str) -> None:
    """Or where there is no other path; a canary goes to the shadow stage and stays there."""
    scene = Scene(tmp_path / "rollout.toml", stage, more)
    scene.lag = 61
    await scene.minutes(30)
    assert scene.place() == ("shadow" if stage == "canary" else ends)


async def test_failing_old_endpoints_break_a_gate_and_take_no_step(tmp_path: Path) -> None:
    """Those who are stepped back would be sent to them."""
    path = tmp_path / "rollout.toml"
    path.write_text('format = 1\nsalt = "s"\nstage = "full"\n[gates]\nmax_old_error_share = 0.01\n')
    async with world() as w:
        watch, measures = watch_of(Rollout(PlanFile(path), None), w.context), w.context.measures
        assert watch is not None
        seen = []
        for minute in range(20):
            measures.old_requests.add("list_groups", "200", by=5)
            if minute > 3:
                measures.old_requests_failed.add("list_groups", by=5)
            w.clock.advance(60)
            await watch.look()
            seen.append(watch.watch.gates[0].state)
    assert seen == [GateState.UNKNOWN] * 3 + [GateState.HOLDS] + [GateState.BROKEN] * 16
    assert PlanFile(path).current.plan.place == "full"


async def test_two_bridges_take_one_step(tmp_path: Path) -> None:
    """The second finds that it is done."""
    scene = Scene(tmp_path / "rollout.toml", "full")
    other = scene.another()
    scene.lag = 61
    await scene.minutes(6, scene.step_back, other)
    assert scene.place() == "ramp 50 %"
    assert {bridge.file.current.plan.place for bridge in (scene.step_back, other)} == {"ramp 50 %"}


async def test_where_the_file_cannot_be_written_the_step_is_in_force_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And that is said, until the file changes."""
    scene = Scene(tmp_path / "rollout.toml", "full")
    scene.lag = 61

    def refuse(*_: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patched:
        patched.setattr("bridge.rollout.editing._replace", refuse)
        await scene.minutes(5.5)
    file = scene.step_back.file
    assert (scene.place(), file.current.plan.place) == ("full", "ramp 50 %")
    assert file.error == (
        "The plan cannot be written: Read-only file system. The last step back is in force in this process only."
    )
    scene.lag = 0
    scene.write("canary")
    await scene.minutes(0.5)
    assert file.current.plan.place == "canary"
    assert not file.error


async def test_a_wrong_file_does_not_keep_the_plan_in_force_from_stepping_back(tmp_path: Path) -> None:
    """It stays as it is, with its error."""
    scene = Scene(tmp_path / "rollout.toml", "full")
    scene.write("most")
    scene.lag = 61
    await scene.minutes(6)
    file = scene.step_back.file
    assert file.current.plan.place == "ramp 50 %"
    assert file.error is not None
    assert file.error.startswith("The plan's stage 'most' is unknown")
    assert 'stage = "most"' in scene.path.read_text()


def test_what_is_held_is_news_once(tmp_path: Path) -> None:
    """So that open connections are decided about again."""
    scene = Scene(tmp_path / "rollout.toml", "full")
    scene.file.hold(plan_file.read_plan_file(scene.path).plan, "why")
    assert [scene.file.look(), scene.file.look()] == [True, False]
    assert scene.file.current.plan.stage is Stage.FULL


async def test_operators_see_plan_gates_and_connections(tmp_path: Path) -> None:
    """In one document."""
    scene = Scene(tmp_path / "rollout.toml", "full")
    rollout = Rollout(scene.step_back.file, None)
    await rollout.start()
    dial = Dial(rollout, History(scene.clock), scene.clock)
    await scene.minutes(2)
    scene.lag = 7
    await scene.step_back.look()
    status = rollout_status(dial, scene.step_back)
    assert status.plan is not None
    assert (status.plan.place, status.plan.hold_minutes) == ("full", 60)
    assert [gate.sentence for gate in status.plan.gates] == ["max_lag_seconds 5: 7, broken"]
    assert [gate.sentence for gate in status.plan.step_back] == ["max_lag_seconds 60: 7, holds"]
    assert status.plan.gates_revision == status.plan.revision
    scene.write("canary")
    assert [scene.step_back.file.look(), scene.step_back.file.look()] == [False, True]
    changed = rollout_status(dial, scene.step_back).plan
    assert changed is not None
    assert (changed.place, changed.gates_revision) == ("canary", status.plan.revision)  # until the next look
    assert status.connections == {ChatPath.BRIDGE: 0, ChatPath.LEGACY: 0}
    assert (status.error, status.has_own_provider) == (None, False)
    rollout.stop()


@in_virtual_time
async def test_another_plan_is_measured_at_once(tmp_path: Path) -> None:
    """Rather than when it is time to look again: until then nothing is known of its gates."""
    scene = Scene(tmp_path / "rollout.toml", "full")
    watching = asyncio.create_task(scene.step_back.run())
    await asyncio.sleep(NOTICE_SECONDS / 2)
    before = scene.step_back.watch.revision
    scene.write("canary")
    assert [scene.step_back.file.look(), scene.step_back.file.look()] == [False, True]
    await asyncio.sleep(NOTICE_SECONDS)
    assert scene.step_back.watch.revision == scene.step_back.file.current.revision != before
    watching.cancel()


def test_without_a_rollout_there_is_little_to_see() -> None:
    """But it is said that there is none."""
    clock = FakeClock()
    status = rollout_status(Dial(Rollout(None, None), History(clock), clock), None)
    assert status == RolloutStatus(plan=None, error=None, has_own_provider=False, connections={})
