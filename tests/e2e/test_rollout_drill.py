"""A drill takes a rollout there and back with real clients, and notices who is not where they should be."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from bridge.clock import SystemClock
from bridge.models import UserId
from migration.commands import COMMANDS
from migration.errors import Refused
from migration.findings import Exit
from migration.line import run
from migration.rollout import audience
from migration.rollout.audience import Audience
from migration.rollout.drilling import DrillReport
from migration.rollout.rehearsing import FILE, keep
from tests.e2e.conftest import StartBridge, eventually
from tests.e2e.test_rollout import write

DRILL_SECONDS = 300.0
NOTHING = DrillReport(
    as_of=SystemClock().now(), people=0, steps=(), forward_seconds=0.0, back_seconds=0.0, kill_seconds=0.0
)


def test_there_and_back(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody is where the plan says at each step, and whoever makes the report finds how long it took."""
    monkeypatch.setenv("MIGRATION_DIRECTORY", str(tmp_path / "new"))
    plan = tmp_path / "rollout.toml"
    write(plan, "canary", "steps = [50]")
    assert run(COMMANDS, "", ["rollout", "drill", "--plan", str(plan), "--sockets", "2"]) == Exit.CLEAN
    report = msgspec.json.decode((tmp_path / "new" / FILE).read_bytes(), type=DrillReport)
    assert [(step.what, step.before, step.now) for step in report.steps] == [
        ("forward", "off", "shadow"),
        ("forward", "shadow", "canary"),
        ("forward", "canary", "ramp 50 %"),
        ("forward", "ramp 50 %", "full"),
        ("kill switch", "full", "full"),
        ("kill switch off", "full", "full"),
        ("back", "full", "ramp 50 %"),
        ("back", "ramp 50 %", "canary"),
        ("back", "canary", "shadow"),
        ("back", "shadow", "off"),
    ]
    assert [step.trouble for step in report.steps] == [()] * 10
    everybody = 2 * report.people
    assert [step.open for step in report.steps[:2]] == [0, 2]
    assert [(step.closed, step.open) for step in report.steps[3:6]] == [(0, everybody), (everybody, 0), (0, everybody)]
    assert sum(step.closed for step in report.steps[6:]) == everybody
    assert report.kill_seconds == report.steps[4].seconds > 0
    said = capsys.readouterr()
    assert said.out.startswith(f"rollout drill: {report.people} people, as of ")
    assert said.out.endswith(f"{report.kill_seconds:g} s by the kill switch\n")
    assert len(said.err.splitlines()) == 11
    wrong = replace(report.steps[0], trouble=("Somebody is told another path than the plan says.",))
    assert replace(report, steps=(wrong,)).exit is Exit.FOUND


async def test_who_is_not_where_they_should_be_is_noticed(
    start_bridge: StartBridge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Still there, gone by themselves, or gone although they should have stayed."""
    monkeypatch.setattr(audience, "CLOSED_SECONDS", 0.1)
    plan = tmp_path / "rollout.toml"
    write(plan, "full")
    async with (
        start_bridge(rollout_file=plan) as bridge,
        asyncio.timeout(DRILL_SECONDS),
        asyncio.TaskGroup() as tasks,
        AsyncExitStack() as connections,
    ):
        bob = bridge.sandbox.people["bob"]
        user_id = UserId(str(bob.user_id))
        there = Audience(bridge.url, {user_id: str(bob.token)}, SystemClock(), tasks, connections)
        await there.fill([user_id], 2)
        await there.fill([user_id], 2)
        one, other = there.open_seats()
        assert await there.troubles([one, other], []) == []
        assert await there.troubles([], [one]) == [f"A connection of {user_id} is still open."]
        write(plan, "off")

        async def are_gone() -> bool:
            return there.open_seats() == []

        await eventually(are_gone)
        assert await there.troubles([], [one, other]) == []
        assert await there.troubles([one], []) == [
            f"A connection of {user_id} that should stay does not answer (ConnectionLost)."
        ]
        other.close_code = 1006
        assert await there.troubles([], [other]) == [f"A connection of {user_id} was closed with 1006."]


def test_a_report_that_cannot_be_kept_is_one_sentence(tmp_path: Path) -> None:
    """The directory is a file, say."""
    (tmp_path / "file").write_text("")
    with pytest.raises(Refused, match=r"rollout-drill\.json cannot be written: (File exists|Not a directory)\.$"):
        keep(NOTHING, tmp_path / "file")
