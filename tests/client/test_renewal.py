"""When a token ends and when it is renewed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.client import (
    Rhythm,
)
from bridge.client.reconnecting import expiry
from tests.client.scripted import token_until


def test_renewal_comes_before_the_end_but_not_all_the_time() -> None:
    """The margin is kept before the end, and between attempts with a token that has ended."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert Rhythm().until_renewal(now + timedelta(hours=1), now) == 3570.0
    assert Rhythm().until_renewal(now - timedelta(hours=1), now) == 30.0
    assert Rhythm().until_renewal(None, now) is None


def test_the_end_of_a_token() -> None:
    """The exp claim is read without verifying anything."""
    moment = datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert expiry(token_until(moment)) == moment


@given(st.text())
@pytest.mark.parametrize("shape", ["{}", "a.{}.c", "..", "a.b.c.{}"])
def test_any_text_may_be_a_token(shape: str, text: str) -> None:
    """Whatever a token looks like, its end is a moment or unknown, and never an exception."""
    found = expiry(shape.format(text))
    assert found is None or found.tzinfo is UTC
