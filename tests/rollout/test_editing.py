"""A step is written whole or not at all, with the file's comments, against exactly the plan that it is for."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from bridge.paths import Stage
from bridge.rollout import editing
from bridge.rollout.editing import (
    Place,
    PlanChanged,
    change_of,
    moved,
    next_place,
    place_of,
    previous_place,
    rewritten,
    write_step,
)
from bridge.rollout.plan import LastChange, PlanError, read_plan
from bridge.rollout.plan_file import read_plan_file
from tests.plans import plan_of
from tests.rollout.test_plan import EXAMPLE

AT = datetime(2026, 11, 26, 3, 30, 12, 345678, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a copy of the example."""
    path = tmp_path / "rollout.toml"
    path.write_bytes(EXAMPLE.read_bytes())
    path.chmod(0o640)
    return path


def change(path: Path) -> LastChange:
    """Say why."""
    return change_of(read_plan_file(path).plan, at=AT, by="a test", why="it wants to")


def test_forward_through_every_place_and_back() -> None:
    """Each step has its way back."""
    plan = plan_of(Stage.OFF, steps=(1.0, 12.5))
    forward = [place_of(plan).words]
    while (place := next_place(plan)) is not None:
        assert previous_place(replace(plan, stage=place.stage, percentage=place.percentage)) == place_of(plan)
        plan = replace(plan, stage=place.stage, percentage=place.percentage)
        forward.append(place.words)
    assert forward == ["off", "shadow", "canary", "ramp 1 %", "ramp 12.5 %", "full", "retired"]
    assert previous_place(plan_of(Stage.OFF)) is None


def test_from_between_the_steps_the_next_one_counts() -> None:
    """Somebody set a percentage of their own."""
    plan = plan_of(Stage.RAMP, percentage=30.0, steps=(1.0, 50.0))
    assert [previous_place(plan), next_place(plan)] == [Place(Stage.RAMP, 1), Place(Stage.RAMP, 50)]
    assert next_place(plan_of(Stage.RAMP, percentage=100.0, steps=())) == Place(Stage.FULL)


def test_a_step_changes_three_keys_and_no_comment(path: Path) -> None:
    """The rest is byte for byte as it was, the rights of the file too."""
    before = EXAMPLE.read_text()
    written = write_step(path, read_plan_file(path), Place(Stage.RAMP, 5), change(path))
    after = path.read_text()
    changed = [line for line in after.splitlines() if line not in before.splitlines()]
    assert changed == [
        'stage = "ramp"',
        "percentage = 5",
        "[last_change]",
        "at = 2026-11-26T03:30:12Z",
        'before = "canary"',
        'by = "a test"',
        'why = "it wants to"',
    ]
    assert [line for line in before.splitlines() if line not in after.splitlines()] == [
        'stage = "canary"',
        "percentage = 0",
    ]
    assert written == read_plan_file(path)
    assert path.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_one_step_after_the_other(path: Path) -> None:
    """The second replaces what the first said of itself."""
    first = write_step(path, read_plan_file(path), Place(Stage.RAMP, 12.5), change(path))
    assert first.plan.percentage == 12.5
    second = write_step(path, first, Place(Stage.FULL), change(path))
    assert second.plan.last_change == replace(change(path), before="ramp 12.5 %")
    assert path.read_text().count("[last_change]") == 1


def test_a_plan_that_was_changed_meanwhile_is_left_alone(path: Path) -> None:
    """By hand, or by another bridge that stepped back."""
    seen = read_plan_file(path)
    path.write_text(path.read_text().replace("kill_switch = false", "kill_switch = true"))
    text = path.read_bytes()
    with pytest.raises(PlanChanged):
        write_step(path, seen, Place(Stage.FULL), change(path))
    assert path.read_bytes() == text


def test_a_file_that_is_gone_is_one_sentence(path: Path) -> None:
    """Nothing is put in its place."""
    seen, why = read_plan_file(path), change(path)
    path.unlink()
    with pytest.raises(PlanError, match=r"^The plan cannot be written: No such file or directory\.$"):
        write_step(path, seen, Place(Stage.FULL), why)
    assert list(path.parent.iterdir()) == []


def test_a_file_that_cannot_be_replaced_stays_as_it_was(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is left beside it."""
    seen, text = read_plan_file(path), path.read_bytes()

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(PlanError, match=r"^The plan cannot be written: Operation not permitted\.$"):
        write_step(path, seen, Place(Stage.FULL), change(path))
    assert path.read_bytes() == text
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_text_that_does_not_read_as_it_was_meant_is_not_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the editor of the text has done to it."""
    text = path.read_bytes()
    monkeypatch.setattr(editing, "rewritten", lambda before, *_: before.replace(b"kill_switch = false", b""))
    with pytest.raises(
        PlanError, match=r"^The plan is written in a way that cannot be changed safely; change it by hand\.$"
    ):
        write_step(path, read_plan_file(path), Place(Stage.FULL), change(path))
    assert path.read_bytes() == text


def test_a_link_stays_one(path: Path) -> None:
    """Deployments put plans behind links."""
    link = path.with_name("link.toml")
    link.symlink_to(path)
    write_step(link, read_plan_file(link), Place(Stage.FULL), change(path))
    assert link.is_symlink()
    assert read_plan_file(path).plan.stage is Stage.FULL


@pytest.mark.parametrize(
    "text",
    [
        'format = 1\nsalt = "s"\nstage = "full" # because\n',
        'stage = "full"\nformat = 1\nsalt = "s"\n[gates]\nhold_minutes = 1\n',
        'stage="full"\nformat=1\nsalt="s"\nlast_change={at=2026-01-01T00:00:00Z,before="x",by="y",why="z"}\n',
        '[last_change]\nat=2026-01-01T00:00:00Z\nbefore="x"\nby="y"\nwhy="z"\n[gates]\n'.join(
            ['"stage" = \'full\'\nformat = 1\nsalt = "s"\n', ""]
        ),
    ],
)
def test_however_a_plan_is_written_the_step_says_what_it_should(text: str) -> None:
    """Keys that were not there come before the tables."""
    plan = read_plan(text.encode())
    why = change_of(plan, at=AT, by="a test", why='quotes " and\nlines')
    place = Place(Stage.RAMP, 0.01)
    assert read_plan(rewritten(text.encode(), place, why)) == moved(plan, place, why)
