"""Versions of clients are compared by their numbers."""

from __future__ import annotations

import pytest

from bridge.rollout.versions import is_older, version_of


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("2.4.0", (2, 4)),
        ("2.4", (2, 4)),
        ("v2.4.1", (2, 4, 1)),
        ("2.4.1-beta.3", (2, 4, 1)),
        ("2.4.1+build7", (2, 4, 1)),
        ("0", (0,)),
        ("2026.11.26.3", (2026, 11, 26, 3)),
        ("", None),
        ("new", None),
        ("2.x", None),
        ("2..4", None),
        ("٢.٤", None),
        ("1." * 40, None),
    ],
)
def test_what_is_a_version(text: str, numbers: tuple[int, ...] | None) -> None:
    """Numbers with dots; zeros at the end, a `v` and what follows a hyphen or a plus do not count."""
    assert version_of(text) == numbers


@pytest.mark.parametrize(
    ("version", "minimum", "older"),
    [
        ("2.4.0", "2.4.0", False),
        ("2.10.0", "2.9.9", False),
        ("2.4", "2.4.0", False),
        ("2.3.9", "2.4", True),
        ("10", "9.9", False),
        ("", "0.0.1", True),
        ("nightly", "1", True),
    ],
)
def test_older_is_by_number_and_the_unreadable_is_older(version: str, minimum: str, older: bool) -> None:  # noqa: FBT001  # a table
    """2.10 comes after 2.9; who does not say a version has an old one."""
    assert is_older(version, minimum) is older
