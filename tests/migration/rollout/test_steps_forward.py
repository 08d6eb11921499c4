"""`python -m migration rollout advance`: one step forward, when every gate has held."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from bridge.rollout.plan_file import read_plan_file
from migration.commands import COMMANDS
from migration.findings import Exit
from migration.line import run
from tests.migration.rollout.bridges import bridge, following
from tests.migration.rollout.staged import GOOD, Scene
from tests.migration.rollout.test_evidence import keep as keep_parity


def test_a_step_is_taken_when_every_gate_has_held(scene: Scene) -> None:
    """At every bridge, and every bridge follows; the file keeps its comments."""
    with bridge(following(scene.path)) as one, bridge(following(scene.path)) as other:
        assert scene.document("check", "--bridge", one, "--bridge", other)[0] == Exit.CLEAN
        status, document = scene.document("advance", "--bridge", one, "--bridge", other)
    assert (status, document["taken"], document["before"], document["now"]) == (Exit.CLEAN, True, "canary", "ramp 1 %")
    assert document["taken_up_seconds"] is not None
    change = read_plan_file(scene.path).plan.last_change
    assert change is not None
    assert (change.by, change.why) == ("python -m migration rollout", "max_lag_seconds 5: 1, holds")
    assert "# salt" in scene.path.read_text()


@pytest.mark.parametrize(
    ("minutes", "lag", "reason"),
    [
        (59, 1, "max_lag_seconds 5: 1, holds, but only for 59 of 60 minutes."),
        (90, 6, "max_lag_seconds 5: 6, broken."),
        (90, None, "max_lag_seconds 5: not known."),
    ],
)
def test_a_gate_that_does_not_hold_at_one_bridge_is_enough(
    scene: Scene, minutes: float, lag: float | None, reason: str
) -> None:
    """Nothing is changed; exit status 1."""
    text = scene.path.read_bytes()
    with (
        bridge(following(scene.path, minutes=90)) as good,
        bridge(following(scene.path, minutes=minutes, lag=lag)) as bad,
    ):
        assert scene.document("check", "--bridge", good, "--bridge", bad)[0] == Exit.FOUND
        status, document = scene.document("advance", "--bridge", good, "--bridge", bad)
    assert (status, document["taken"], document["reasons"]) == (Exit.FOUND, False, [reason])
    assert scene.path.read_bytes() == text


def test_what_was_measured_under_another_plan_says_nothing(scene: Scene) -> None:
    """For seconds after a step a bridge follows the new plan, and has only measured under the one before."""
    with bridge(following(scene.path, measured="the one before")) as late, bridge(following(scene.path)) as one:
        status, out, _ = scene.run("check", "--bridge", late)
        assert (status, out.splitlines()[1:3]) == (
            Exit.FOUND,
            [
                "  gate max_lag_seconds 5: not known",
                f"  bridge {late}: asked; has not measured under this plan yet",
            ],
        )
        assert scene.document("check", "--bridge", late)[1]["measuring_anew"] == [late]
        assert scene.document("check", "--bridge", late, "--bridge", one)[0] == Exit.FOUND
    assert scene.place == "canary"


def test_without_readings_nothing_is_known(scene: Scene) -> None:
    """That is no leave to go on."""
    status, out, _ = scene.run("advance")
    assert (status, out) == (
        Exit.FOUND,
        "rollout advance: nothing was changed, it stays canary\n  max_lag_seconds 5: not known.\n",
    )


def test_what_another_tool_has_measured_can_be_handed_in(scene: Scene) -> None:
    """It counts as a run of its own."""
    assert scene.run("advance", "--reading", "max_lag_seconds=7")[0] == Exit.FOUND
    status, out, _ = scene.run("advance", *GOOD)
    assert (status, out.splitlines()[0][:40]) == (Exit.CLEAN, "rollout advance: canary → ramp 1 % (revi")


def test_the_last_run_of_parity_opens_its_gate(scene: Scene) -> None:
    """Unless something else is handed in."""
    scene.path.write_text('format = 1\nsalt = "s"\nstage = "off"\n[gates]\nmin_consistency = 0.99\n')
    assert scene.run("check")[0] == Exit.FOUND
    keep_parity(scene.path.parent, 0.995, ended_at=datetime.now(UTC))
    assert scene.run("check")[0] == Exit.CLEAN
    assert scene.run("check", "--reading", "min_consistency=0.98")[0] == Exit.FOUND
    with bridge(following(scene.path)) as url:
        assert scene.run("check", "--bridge", url)[0] == Exit.CLEAN


def test_a_plan_without_gates_goes_on_as_it_is_told(scene: Scene) -> None:
    """Whoever sets none wants none."""
    scene.path.write_text('format = 1\nsalt = "s"\nstage = "off"\n')
    assert [scene.run("advance")[0], scene.place] == [Exit.CLEAN, "shadow"]


def test_a_bridge_that_does_not_follow_is_said_after_the_step(scene: Scene) -> None:
    """The step is written all the same; exit status 1."""
    revision = read_plan_file(scene.path).revision
    with bridge(following(scene.path, revision=revision)) as stubborn:
        status, document = scene.document("advance", "--bridge", stubborn)
    assert (status, document["taken"], document["taken_up_seconds"]) == (Exit.FOUND, True, None)
    assert document["troubles"] == [f"{stubborn} follows another plan (ramp 1 %), revision {revision}."]


def test_the_last_step_has_to_be_meant(scene: Scene) -> None:
    """There is no way back for clients then."""
    scene.write("full")
    status, _, err = scene.run("advance", *GOOD)
    assert (status, scene.place) == (Exit.REFUSED, "full")
    assert err == "migration: The next step retires the legacy path for everybody; say --retire if that is meant.\n"
    assert [scene.run("advance", "--retire", *GOOD)[0], scene.place] == [Exit.CLEAN, "retired"]
    assert scene.run("advance", *GOOD)[2] == "migration: The legacy path is retired; there is no further step.\n"
    assert scene.run("status")[1].splitlines()[-1] == "There is no further step."


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("back", "--to", "full"), "There is no full behind canary; there are: off, shadow."),
        (("back", "--to", "nowhere"), "There is no nowhere behind canary; there are: off, shadow."),
        (("status", "--bridge", "localhost"), "localhost is no address of a bridge, like http://127.0.0.1:8080."),
    ],
)
def test_what_cannot_be_meant_is_refused(scene: Scene, arguments: tuple[str, ...], sentence: str) -> None:
    """One sentence; nothing changed."""
    text = scene.path.read_bytes()
    assert scene.run(*arguments) == (Exit.REFUSED, "", f"migration: {sentence}\n")
    assert scene.path.read_bytes() == text


@pytest.mark.parametrize("word", ["status", "check", "advance", "back"])
@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b'format = 1\nsalt = "s"\nstage = "most"', "The plan's stage 'most' is unknown; there are: off, shadow, "),
        (b'format = 1\nsalt = "s"\nstage = "ramp"\npercentage = 101', "The plan's percentage says 101; "),
        (b"\xff", "The plan is not UTF-8."),
        (None, "The plan cannot be read: No such file or directory."),
    ],
)
def test_a_wrong_plan_is_one_sentence_and_stays_as_it_is(
    scene: Scene, word: str, text: bytes | None, sentence: str
) -> None:
    """Exit status 2, whatever was asked."""
    scene.path.unlink()
    if text is not None:
        scene.path.write_bytes(text)
    status, out, err = scene.run(word)
    assert (status, out) == (Exit.REFUSED, "")
    assert err.startswith(f"migration: {scene.path}: {sentence}")
    assert err.count("\n") == 1
    assert not scene.path.exists() if text is None else scene.path.read_bytes() == text


def test_bridges_and_plan_can_be_named_once_for_all(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the environment."""
    with bridge(following(scene.path)) as url:
        monkeypatch.setenv("BRIDGE_ROLLOUT_FILE", str(scene.path))
        monkeypatch.setenv("MIGRATION_BRIDGES", f"{url}, ")
        assert run(COMMANDS, "", ["rollout", "check"]) == Exit.CLEAN


def test_what_is_missing_is_said(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan, or what bridges are to be shown."""
    monkeypatch.delenv("BRIDGE_OPERATOR_TOKEN")
    sentence = "migration: Bridges tell operators only: set BRIDGE_OPERATOR_TOKEN as it is set there.\n"
    assert scene.run("status", "--bridge", "http://127.0.0.1:1")[2] == sentence
    assert run(COMMANDS, "", ["rollout", "status"]) == Exit.REFUSED


@pytest.mark.parametrize(
    "reading",
    [
        "max_lag_seconds",
        "max_lag_seconds=much",
        "max_lag_seconds=nan",
        "max_error_share=-0.1",
        "min_consistency=99.9",
        "max_lost_messages=0.5",
        "lag=1",
    ],
)
def test_a_reading_that_is_none_is_refused(scene: Scene, reading: str) -> None:
    """Before anything is looked at: 99.9 where a share is asked for would open the gate."""
    with pytest.raises(SystemExit) as ended:
        scene.run("advance", "--reading", reading)
    assert ended.value.code == Exit.REFUSED
