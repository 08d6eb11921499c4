"""`python -m migration rollout back`: it asks no gate, and nothing is an obstacle to it."""

from __future__ import annotations

import pytest

from bridge.rollout.plan_file import read_plan_file
from migration.findings import Exit
from tests.migration.rollout.bridges import TOKEN
from tests.migration.rollout.staged import GOOD, Scene


def test_back_asks_no_gate(scene: Scene) -> None:
    """One step, or to a place; with a reason."""
    scene.write("full")
    assert scene.run("back", "--why", "phones melt")[0] == Exit.CLEAN
    assert scene.place == "ramp 50 %"
    change = read_plan_file(scene.path).plan.last_change
    assert change is not None
    assert change.why == "phones melt"
    assert [scene.run("back", "--to", "5")[0], scene.place] == [Exit.CLEAN, "ramp 5 %"]
    assert [scene.run("back", "--to", "off")[0], scene.place] == [Exit.CLEAN, "off"]


@pytest.mark.parametrize("name", ["parity.json", "audit.json"])
def test_a_report_that_cannot_be_read_is_no_obstacle_to_the_way_back(scene: Scene, name: str) -> None:
    """It is about gates, and back asks none; whoever wants to go on is told."""
    (scene.path.parent / name).write_text("{}")
    assert scene.run("advance")[0] == Exit.REFUSED
    assert [scene.run("back")[0], scene.place] == [Exit.CLEAN, "shadow"]


@pytest.mark.parametrize(
    ("address", "token", "sentence"),
    [
        ("http://127.0.0.1:1", "", "Bridges tell operators only: set BRIDGE_OPERATOR_TOKEN as it is set there."),
        ("127.0.0.1:1", TOKEN, "127.0.0.1:1 is no address of a bridge, like http://127.0.0.1:8080."),
    ],
)
def test_a_step_back_that_nobody_can_be_asked_about_is_told_as_taken(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, address: str, token: str, sentence: str
) -> None:
    """Status 1, not 2: whoever reads that nothing was changed takes the same step once more."""
    monkeypatch.setenv("BRIDGE_OPERATOR_TOKEN", token)
    status, document = scene.document("back", "--bridge", address)
    assert (status, document["taken"], document["now"]) == (Exit.FOUND, True, "shadow")
    assert document["troubles"] == [sentence]
    assert scene.place == "shadow"


def test_a_reason_that_is_no_text_is_refused(scene: Scene) -> None:
    """What a terminal hands on as it is need not be UTF-8."""
    assert scene.run("back", "--why", "a\udcff")[2] == "migration: --why is no text in UTF-8.\n"
    assert scene.place == "canary"


def test_the_kill_switch_is_no_time_to_go_on(scene: Scene) -> None:
    """But one can go back."""
    scene.write("full", "kill_switch = true")
    assert "The kill switch is on." in scene.run("advance", "--retire", *GOOD)[1]
    assert "KILL SWITCH ON" in scene.run("status")[1]
    assert [scene.run("back")[0], scene.place] == [Exit.CLEAN, "ramp 50 %"]


def test_from_the_beginning_there_is_no_way_back(scene: Scene) -> None:
    """One sentence."""
    scene.write("off")
    assert scene.run("back")[2] == "migration: Nobody is sent to the bridge; there is no step back.\n"
