"""A plan's text becomes a value, or one sentence that says why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.paths import Stage
from bridge.rollout.plan import PlanError, read_plan, revision_of

EXAMPLE = Path(__file__).parents[2] / "examples" / "rollout.toml"
LEAST = 'format = 1\nsalt = "s"\n'


def test_the_example_is_a_plan() -> None:
    """The one that people copy."""
    plan = read_plan(EXAMPLE.read_bytes())
    assert (plan.stage, plan.steps, plan.place) == (Stage.CANARY, (1, 5, 25, 50), "canary")
    assert (plan.gates.max_lag_seconds, plan.step_back.after_minutes) == (5, 5)
    assert plan.minimum_versions == {"web": "2.4.0"}


def test_little_is_enough() -> None:
    """The rest has defaults that move nobody."""
    plan = read_plan(f'{LEAST}stage = "off"'.encode())
    assert (plan.stage, plan.kill_switch, plan.allow, plan.close_unaware) == (Stage.OFF, False, frozenset(), False)


def test_ids_are_read_in_any_case() -> None:
    """As people paste them."""
    plan = read_plan(f'{LEAST}stage = "canary"\nallow = ["AAAAAAAA-0000-4000-8000-00000000000B"]'.encode())
    assert plan.allow == {"aaaaaaaa-0000-4000-8000-00000000000b"}


def test_a_revision_names_exactly_this_text() -> None:
    """Another comment is another text."""
    assert revision_of(b"a") == revision_of(b"a") != revision_of(b"a ")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            'stage = "rampp"',
            "The plan's stage 'rampp' is unknown; there are: off, shadow, canary, ramp, full, retired.",
        ),
        ("stage = 3", "The plan's stage 3 is unknown; there are: off, shadow, canary, ramp, full, retired."),
        ("stage = []", "The plan's stage [] is unknown; there are: off, shadow, canary, ramp, full, retired."),
        ("", "The plan cannot be used: object missing required field `stage`."),
        ('stage = "ramp"\npercentage = 140', "The plan's percentage says 140; a percentage is between 0 and 100."),
        ('stage = "ramp"\npercentage = -1', "The plan's percentage says -1; a percentage is between 0 and 100."),
        ('stage = "ramp"\npercentage = nan', "The plan's percentage says nan; a percentage is between 0 and 100."),
        (
            'stage = "ramp"\npercentage = 0.001',
            "The plan's percentage says 0.001; a percentage is exact to a hundredth.",
        ),
        ('stage = "ramp"', "The plan's stage is ramp, and its percentage is missing or 0."),
        ('stage = "ramp"\npercentage = "5"', "The plan cannot be used: percentage: expected `float`, got `str`."),
        ('stage = "full"\nsteps = [5, 500]', "The plan's steps says 500; a percentage is between 0 and 100."),
        ('stage = "full"\nsteps = [5, 1]', "The plan's steps must be above 0 and grow from one to the next."),
        ('stage = "full"\nsteps = [0, 1]', "The plan's steps must be above 0 and grow from one to the next."),
        ('stage = "off"\npercantage = 5', "The plan cannot be used: object contains unknown field `percantage`."),
        (
            'stage = "off"\n[gates]\nmax_lag = 5',
            "The plan cannot be used: gates: object contains unknown field `max_lag`.",
        ),
        (
            'stage = "off"\n[gates]\nmax_error_share = 2',
            "The plan cannot be used: gates.max_error_share: expected `float` <= 1.0.",
        ),
        (
            'stage = "off"\n[gates]\nmax_old_error_share = 1.5',
            "The plan cannot be used: gates.max_old_error_share: expected `float` <= 1.0.",
        ),
        (
            'stage = "off"\n[gates]\nmax_old_error_share = "few"',
            "The plan cannot be used: gates.max_old_error_share: expected `float | null`, got `str`.",
        ),
        (
            'stage = "off"\n[step_back]\nmax_old_error_share = 0.05',
            "The plan's step_back says max_old_error_share, which can only be a gate: a step back sends more people to"
            " the old endpoints.",
        ),
        ('stage = "off"\nallow = ["bob"]', "The plan's allow list holds 'bob', which is no users.id."),
        ('stage = "off"\ndeny = ["all"]', "The plan's deny list holds 'all', which is no users.id."),
        (
            'stage = "off"\n[minimum_versions]\nweb = "new"',
            "The plan's minimum version of web, 'new', is no version like 2.4.0.",
        ),
        (
            'stage = "retired"\nkill_switch = true',
            "The plan's kill switch leads to the legacy path, which is gone in the stage retired.",
        ),
    ],
)
def test_what_is_wrong_is_one_sentence(text: str, sentence: str) -> None:
    """It names the key."""
    with pytest.raises(PlanError) as refused:
        read_plan(f"{LEAST}{text}".encode())
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b'format = 2\nsalt = "s"\nstage = "off"', "The plan has format 2; this bridge reads format 1."),
        (
            b'format = 1\nsalt = ""\nstage = "off"',
            "The plan's salt is empty; it may be any text, and must stay the same.",
        ),
        (b"\xff", "The plan is not UTF-8."),
        (b"", "The plan cannot be used: object missing required field `format`."),
    ],
)
def test_what_is_wrong_with_the_whole(text: bytes, sentence: str) -> None:
    """An empty file, too: an editor may just have opened it."""
    with pytest.raises(PlanError) as refused:
        read_plan(text)
    assert str(refused.value) == sentence


@pytest.mark.parametrize("text", ["stage = ", 'stage = "off"\nstage = "off"', "a = " + "[" * 5000, "a = " + "9" * 5000])
def test_what_is_no_toml_is_said_with_the_place(text: str) -> None:
    """Whatever the reader stumbles over."""
    with pytest.raises(PlanError, match=r"^The plan is no TOML: "):
        read_plan(text.encode())
