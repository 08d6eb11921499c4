"""`python -m migration rollout status`: how it stands, by plan and bridges."""

from __future__ import annotations

import pytest

from migration.findings import Exit
from tests.migration.rollout.bridges import bridge, following, without_plan
from tests.migration.rollout.staged import GOOD, Scene


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
