"""Frames written down are compared with actual ones: placeholders stand for one thing each, the rest is literal."""

from __future__ import annotations

import json

import pytest

from tests.transcript import Differs, Transcript

ONE, TWO, THREE = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "123")


def compare(written: object, actual: object, transcript: Transcript | None = None) -> None:
    """Compare two values."""
    (transcript or Transcript()).compare(json.dumps(written), json.dumps(actual))


@pytest.mark.parametrize(
    ("written", "actual"),
    [
        ({"a": [1, None, True, "x"]}, {"a": [1, None, True, "x"]}),
        (ONE, TWO),
        ([ONE, TWO, ONE], [THREE, ONE, THREE]),
        ("2026-11-23T09:30:00.165Z", "2026-01-01T00:00:00.000Z"),
        ("2026-11-23T09:30:00.165+00:00", "2026-01-01T00:00:00+00:00"),
        ("6A9DE201", "00000000"),
        ({"a": 1, "…": "…"}, {"a": 1, "b": 2}),
        ({"a": 1, "…": "…"}, {"a": 1}),
        ([2, "…"], [1, 2, 3]),
        ([{"id": ONE, "n": 2}, "…"], [{"id": TWO, "n": 1}, {"id": THREE, "n": 2}]),
        (["…"], []),
    ],
)
def test_what_is_as_written_passes(written: object, actual: object) -> None:
    """Ids, codes and times are any; what follows "…" too."""
    compare(written, actual)


@pytest.mark.parametrize(
    ("written", "actual", "where"),
    [
        ({"a": 1}, {"a": 2}, r"\$\.a"),
        ({"a": 1}, {"a": True}, r"\$\.a"),
        ({"a": 1}, {}, "fields"),
        ({}, {"a": 1}, "fields"),
        ({"a": 1, "…": "…"}, {"b": 1}, "fields"),
        ([1], [1, 2], "elements"),
        ([5, "…"], [1, 2], "no element like 5"),
        ([ONE, ONE], [TWO, THREE], r"\$\[1\]"),
        ([ONE, TWO], [THREE, THREE], r"\$\[1\]"),
        (ONE, "nonsense", r"\$"),
        (ONE, "6A9DE201", r"\$"),
        ("x", "y", r"\$"),
        ("2026-11-23T09:30:00.165Z", "2026-01-01T00:00:00+00:00", r"\$"),
        ("2026-11-23T09:30:00.165Z", "yesterday", r"\$"),
        ({"a": {}}, {"a": []}, r"\$\.a"),
    ],
)
def test_what_is_not_as_written_is_named(written: object, actual: object, where: str) -> None:
    """With the path to it."""
    with pytest.raises(Differs, match=where):
        compare(written, actual)


def test_what_is_sent_uses_what_was_learnt() -> None:
    """And ids that nobody has mentioned as they are; tokens are put in."""
    transcript = Transcript(tokens={"<token>": "secret"})
    compare([ONE, TWO], [THREE, TWO], transcript)
    assert transcript.spoken(f"{ONE} {TWO} <token> 6A9DE201") == f"{THREE} {TWO} secret 6A9DE201"
    with pytest.raises(Differs):
        compare("6A9DE201", "6A9DE202", transcript)


def test_known_ids_stand_for_themselves() -> None:
    """A stranger in their place is noticed."""
    with pytest.raises(Differs):
        compare(ONE, TWO, Transcript([ONE]))
