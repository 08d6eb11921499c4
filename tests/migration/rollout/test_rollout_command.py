"""`python -m migration rollout`: how it stands, and one step forward or back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bridge.rollout.plan_file import read_plan_file
from migration.commands import COMMANDS
from migration.findings import Exit
from migration.line import run
from migration.rollout import stepping
from tests.migration.rollout.bridges import TOKEN, bridge, following, without_plan
from tests.migration.rollout.test_evidence import keep as keep_parity

GOOD = ("--reading", "max_lag_seconds=1")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the machine's variables take no part."""
    monkeypatch.setenv("MIGRATION_DIRECTORY", str(tmp_path))
    for name in ("BRIDGE_ROLLOUT_FILE", "MIGRATION_BRIDGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BRIDGE_OPERATOR_TOKEN", TOKEN)
    monkeypatch.setattr(stepping, "TAKEN_UP_SECONDS", 0.0)


class Scene:
    """A plan's file, and the command line."""

    def __init__(self, path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.path = path
        self._capsys = capsys
        self.write("canary")

    def write(self, stage: str, more: str = "") -> None:
        """Write a plan that watches the lag."""
        text = f'format = 1\nsalt = "s" # salt\nstage = "{stage}"\n{more}\n[gates]\nmax_lag_seconds = 5\n'
        self.path.write_text(text)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run a word of the command on the plan; return exit status, output and errors."""
        word, *rest = arguments
        status = run(COMMANDS, "", ["rollout", word, "--plan", str(self.path), *rest])
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def document(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run a word and return exit status and document."""
        status, out, _ = self.run(*arguments, "--json")
        document: dict[str, Any] = json.loads(out)
        assert document["format"] == 1
        return status, document

    @property
    def place(self) -> str:
        """Return how far the rollout is by the file."""
        return read_plan_file(self.path).plan.place


@pytest.fixture
def scene(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Scene:
    """Return a plan at the canary."""
    return Scene(tmp_path / "rollout.toml", capsys)


def test_the_status_says_how_it_stands(scene: Scene) -> None:
    """For people; nothing is changed."""
    text = scene.path.read_bytes()
    with bridge(following(scene.path, minutes=30)) as url:
        status, out, _ = scene.run("status", "--bridge", url)
    assert status == Exit.CLEAN
    assert out.splitlines()[1:] == [
        "  gate max_lag_seconds 5: 1, holds for 30 minutes",
        f"  bridge {url}: asked",
        "Against the next step (ramp 1 %):",
        "  max_lag_seconds 5: 1, holds, but only for 30 of 60 minutes.",
    ]
    assert out.startswith("rollout: canary (revision ")
    assert scene.path.read_bytes() == text


def test_the_status_says_which_path_somebody_takes(scene: Scene) -> None:
    """By id, client and version."""
    scene.write("full", '[minimum_versions]\nweb = "2"')
    _, out, _ = scene.run(
        "status", "--user", "aaaaaaaa-0000-4000-8000-000000000002", "--client", "web", "--version", "1"
    )
    assert "takes the path legacy: client_too_old (place " in out


def test_the_status_finds_somebody_however_the_id_is_written(scene: Scene) -> None:
    """And tells programs, too; what is no users.id is nobody's."""
    person = "aaaaaaaa-0000-4000-8000-000000000002"
    scene.write("canary", f'allow = ["{person}"]')
    status, document = scene.document("status", "--user", person.upper())
    assert (status, document["user"]["user_id"], document["user"]["path"]) == (Exit.CLEAN, person, "bridge")
    assert document["user"]["reason"] == "allowed"
    assert 0 <= document["user"]["place"] < 100
    assert scene.document("status")[1]["user"] is None
    assert scene.run("status", "--user", "bob") == (Exit.REFUSED, "", "migration: bob is no users.id.\n")


def test_the_status_counts_what_bridges_do_otherwise(scene: Scene) -> None:
    """Exit status 1: the dial is not where the file says."""
    with (
        bridge(following(scene.path, revision="other")) as other,
        bridge(following(scene.path, error="The plan is not UTF-8.")) as wrong,
        bridge(without_plan) as bare,
    ):
        status, document = scene.document("status", "--bridge", other, "--bridge", wrong, "--bridge", bare)
    assert status == Exit.FOUND
    assert document["troubles"] == [
        f"{other} follows another plan (canary), revision other.",
        f"{wrong} does not follow the file: The plan is not UTF-8.",
        f"{bare} has no plan: is BRIDGE_ROLLOUT_FILE set there?",
    ]


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        ((401, b""), "answers with status 401."),
        ((200, b"<html>"), "answers something else, as a bridge of another release would."),
        ((200, b"{}"), "answers something else, as a bridge of another release would."),
    ],
)
def test_a_bridge_that_says_nothing_leaves_it_open(scene: Scene, answer: tuple[int, bytes], trouble: str) -> None:
    """Exit status 3, and no step."""
    with bridge(lambda: answer) as url:
        for word in ("status", "check"):
            status, document = scene.document(word, "--bridge", url)
            assert (status, document["troubles"]) == (Exit.INCOMPLETE, [f"{url} {trouble}"])
        assert scene.run("advance", "--bridge", url, *GOOD)[0] == Exit.FOUND
    assert scene.place == "canary"


def test_a_bridge_that_is_not_there_is_said(scene: Scene) -> None:
    """By the kind of failure."""
    status, document = scene.document("status", "--bridge", "http://127.0.0.1:1")
    assert (status, document["troubles"]) == (
        Exit.INCOMPLETE,
        ["http://127.0.0.1:1 does not answer (ConnectError)."],
    )


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


def test_from_the_beginning_there_is_no_way_back(scene: Scene) -> None:
    """One sentence."""
    scene.write("off")
    assert scene.run("back")[2] == "migration: Nobody is sent to the bridge; there is no step back.\n"


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
