"""A plan's file is taken up when it changes and holds still; a wrong one changes nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bridge.paths import Stage
from bridge.rollout import plan_file
from bridge.rollout.plan import PlanError
from bridge.rollout.plan_file import PlanFile, read_plan_file


def text_of(stage: str, more: str = "") -> str:
    """Return a plan's text."""
    return f'format = 1\nsalt = "s"\nstage = "{stage}"\n{more}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a file with a plan in it."""
    path = tmp_path / "rollout.toml"
    path.write_text(text_of("canary"))
    return path


def test_a_change_is_taken_up_when_the_file_holds_still(path: Path) -> None:
    """At the second look that sees the same: half a plan can be a valid one."""
    file = PlanFile(path)
    assert not file.look()
    path.write_text(text_of("ramp", "percentage = 5"))
    assert not file.look()
    assert file.current.plan.stage is Stage.CANARY
    assert file.look()
    assert (file.current.plan.stage, file.current.plan.percentage) == (Stage.RAMP, 5)
    assert not file.look()


def test_a_file_that_is_still_being_written_is_not_read(path: Path) -> None:
    """However long that takes."""
    file = PlanFile(path)
    for length in range(20, 30):
        path.write_text(text_of("full", "# " * length))
        assert not file.look()
    assert file.current.plan.stage is Stage.CANARY
    assert file.look()


def test_a_file_that_is_replaced_counts_as_changed(path: Path) -> None:
    """Of the same size and time: deployments put links and new files in its place."""
    file = PlanFile(path)
    successor = path.with_name("new")
    successor.write_text(text_of("shadow"))
    os.utime(successor, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    successor.replace(path)
    assert [file.look(), file.look()] == [False, True]
    assert file.current.plan.stage is Stage.SHADOW


def test_a_wrong_plan_leaves_the_old_one_in_force_and_says_so_once(path: Path) -> None:
    """In the log, and for whoever asks; until it is mended."""
    file = PlanFile(path)
    path.write_text(text_of("ramp", "percentage = 140"))
    with capture_logs() as logs:
        assert [file.look() for _ in range(4)] == [False] * 4
    sentence = "The plan's percentage says 140; a percentage is between 0 and 100."
    assert [(one["event"], one["error"], one["log_level"]) for one in logs] == [
        ("rollout.plan_refused", sentence, "error")
    ]
    assert (file.error, file.current.plan.stage) == (sentence, Stage.CANARY)
    path.write_text(text_of("canary"))
    assert [file.look(), file.look()] == [False, False]
    assert file.error is None


def test_a_file_that_is_gone_leaves_the_plan_in_force(path: Path) -> None:
    """And is taken up when it is back."""
    file = PlanFile(path)
    path.unlink()
    assert [file.look(), file.look()] == [False, False]
    assert (file.error, file.current.plan.stage) == (
        "The plan cannot be read: No such file or directory.",
        Stage.CANARY,
    )
    path.write_text(text_of("full"))
    assert [file.look(), file.look()] == [False, True]
    assert (file.error, file.current.plan.stage) == (None, Stage.FULL)


def test_another_comment_is_another_revision(path: Path) -> None:
    """So that it can be told which text is in force."""
    file = PlanFile(path)
    before = file.current.revision
    path.write_text(text_of("canary", "# because"))
    file.look()
    assert file.look()
    assert file.current.revision != before


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing there, a directory, a pipe that nobody writes into, something endless."""
    with pytest.raises(PlanError, match=r"^The plan cannot be read: No such file or directory\.$"):
        PlanFile(tmp_path / "missing.toml")
    with pytest.raises(PlanError, match=r"^The plan (cannot be read: Is a directory|is no regular file)\.$"):
        read_plan_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(PlanError, match=r"^The plan is no regular file\.$"):
        read_plan_file(tmp_path / "pipe")
    monkeypatch.setattr(plan_file, "MAX_BYTES", 1024 * 1024)
    (tmp_path / "large").write_text("#" * (1024 * 1024 + 1))
    with pytest.raises(PlanError, match=r"^The plan is larger than 1 MiB\.$"):
        read_plan_file(tmp_path / "large")
