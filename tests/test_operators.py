"""Who sees the inside."""

from __future__ import annotations

import pytest

from bridge.operators import Operators, Refusal

TOKEN = "a token of operators"


def test_the_token_lets_in() -> None:
    """As a bearer token."""
    assert Operators(TOKEN).refusal(f"Bearer {TOKEN}") is None


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN} ",
        f"Bearer {TOKEN[:-1]}",
        "Bearer",
        "Bearer \udcff",
        "Bearer ü",
    ],
)
def test_nothing_else_does(authorization: str | None) -> None:
    """Whatever bytes a header has."""
    assert Operators(TOKEN).refusal(authorization) is Refusal.UNAUTHORIZED


@pytest.mark.parametrize("authorization", [None, "", "Bearer ", "Bearer None", f"Bearer {TOKEN}"])
def test_without_a_token_nobody_is_let_in(authorization: str | None) -> None:
    """And nothing shows that there would be something."""
    assert Operators(None).refusal(authorization) is Refusal.HIDDEN
