"""What an `auth` frame says: the token has to be right, all else is taken as far as it is understood."""

from __future__ import annotations

import pytest
from msgspec import Raw, json

from bridge.authentication import Authenticate, ClientName, read_authenticate
from bridge.errors import MISSING_TOKEN, ActionError

GOOD = {"token": "t", "client": {"name": "web", "version": "2"}, "capabilities": ["resume"], "cursor": "c"}
WHOLE = Authenticate("t", ClientName("web", "2"), ["resume"], "c")


def read(payload: object) -> Authenticate:
    """Read a payload."""
    return read_authenticate(Raw(json.encode(payload)))


def test_what_is_understood_is_taken() -> None:
    """All of it."""
    assert read(GOOD) == WHOLE
    assert read({"token": "t"}) == Authenticate("t")


@pytest.mark.parametrize(
    ("client", "understood"),
    [
        ({"name": "web", "version": 24}, ClientName("web", "24")),
        ({"name": "web", "version": None}, ClientName("web", "")),
        ({"name": ["web"], "version": "2"}, ClientName("", "2")),
        ({"name": "n" * 99}, ClientName("n" * 40, "")),
        ("web", ClientName()),
        (None, ClientName()),
        ([], ClientName()),
    ],
)
def test_a_client_that_names_itself_oddly_keeps_what_it_asks_for(client: object, understood: ClientName) -> None:
    """It would do without edits and without being told what it missed, and nobody would know why."""
    assert read({**GOOD, "client": client}) == Authenticate("t", understood, ["resume"], "c")


@pytest.mark.parametrize("odd", [None, "resume", 5, {}])
def test_odd_capabilities_are_none_and_an_odd_cursor_is_none(odd: object) -> None:
    """And nothing else is lost by it."""
    assert read({**GOOD, "capabilities": odd}) == Authenticate("t", WHOLE.client, [], "c")
    cursor = odd if isinstance(odd, str) else None
    assert read({**GOOD, "cursor": odd}) == Authenticate("t", WHOLE.client, ["resume"], cursor)


@pytest.mark.parametrize("payload", [{}, {"token": ""}, {"token": None}, {"token": 5}, [], None, "t"])
def test_without_a_token_nobody_comes_in(payload: object) -> None:
    """The code is the contract's."""
    with pytest.raises(ActionError) as refused:
        read(payload)
    assert refused.value.fault == MISSING_TOKEN
