"""Who is sent where by the recipes: by path, by header, by share; and what the servers behind them learn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

from compat.endpoints import ENDPOINTS
from tests.e2e.routing.proxies import CADDY_RECIPE, NGINX_RECIPE, Recipe, running
from tests.e2e.routing.servers import telling

ROUTING = Path(__file__).parents[3] / "docs" / "routing.md"

GROUPS = "/api/chat/groups"
OLD_ENDPOINTS = [(one.method, one.path.format(conversation_id="0b7c")) for one in ENDPOINTS.values()]
LEFT_TO_THE_APP = (
    "/",
    "/chat",
    "/api/auth/send-sms",
    "/api/crypto/public-keys",
    "/api/chat/conversations/0b7c/participants/more",
    "/api/chat/groupsx",
)
COHORTS = [str(UUID(int=number << 112 | 4 << 76, version=4)) for number in range(0, 65536, 512)]
"""Numbers of visitors, spread evenly over all there are."""


@pytest.fixture(params=[NGINX_RECIPE, CADDY_RECIPE], ids=lambda recipe: recipe.program)
def recipe(request: pytest.FixtureRequest) -> Recipe:
    """Return one proxy's recipe after the other."""
    found: Recipe = request.param
    return found


class Proxies:
    """The recipe with the dial at any position, before the same two servers."""

    def __init__(self, recipe: Recipe, folder: Path, stack: ExitStack) -> None:
        self._recipe = recipe
        self._folder = folder
        self._stack = stack
        self._old = stack.enter_context(telling("old"))
        self._bridge = stack.enter_context(telling("bridge"))

    def at(self, share: int) -> httpx.Client:
        """Return a visitor of a proxy with the dial there."""
        folder = self._folder / str(share)
        folder.mkdir()
        port = self._stack.enter_context(running(self._recipe, folder, old=self._old, bridge=self._bridge, share=share))
        return self._stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}"))


@pytest.fixture
def proxies(recipe: Recipe, tmp_path: Path) -> Iterator[Proxies]:
    """Return the proxies of one kind, ended after the test."""
    with ExitStack() as stack:
        yield Proxies(recipe, tmp_path, stack)


def asked(visitor: httpx.Client, path: str = GROUPS, method: str = "GET", **headers: str) -> dict[str, Any]:
    """Return what the server behind says of a request."""
    visitor.cookies.clear()
    told: dict[str, Any] = visitor.request(
        method, path, headers={name.replace("_", "-"): value for name, value in headers.items()}
    ).json()
    return told


def test_every_old_endpoint_follows_the_dial_and_nothing_else_does(proxies: Proxies) -> None:
    """Method, path and query arrive as they were."""
    visitor = proxies.at(10)
    for method, path in (*OLD_ENDPOINTS, ("GET", "/api/users/search?q=an")):
        told = asked(visitor, path, method, X_Chat_Server="bridge")
        assert (told["server"], told["method"], told["path"]) == ("bridge", method, path)
    for path in LEFT_TO_THE_APP:
        assert asked(visitor, path, X_Chat_Server="bridge")["server"] == "old"


def test_a_request_may_name_its_server(proxies: Proxies) -> None:
    """At any share; a name that means nothing changes nothing."""
    visitor = proxies.at(0)
    assert asked(visitor, X_Chat_Server="bridge")["server"] == "bridge"
    assert asked(visitor, X_Chat_Server="old")["server"] == "old"
    assert asked(visitor, X_Chat_Server="elsewhere")["server"] == "old"


def test_the_dial_moves_its_share_and_raising_it_moves_nobody_back(proxies: Proxies) -> None:
    """Over 128 visitors spread evenly: none at 0, about as many as said, and those of 10 % are among those of 50 %."""
    moved = {share: _bridged(proxies.at(share)) for share in (0, 10, 50)}
    assert moved[0] == set()
    assert 0.05 <= len(moved[10]) / len(COHORTS) <= 0.16
    assert 0.40 <= len(moved[50]) / len(COHORTS) <= 0.60
    assert moved[10] <= moved[50]


def _bridged(visitor: httpx.Client) -> set[str]:
    return {one for one in COHORTS if asked(visitor, Cookie=f"a=b; chat_cohort={one}")["server"] == "bridge"}


def test_a_visitor_keeps_the_number_it_got(proxies: Proxies) -> None:
    """The first answer sets a cookie, and whoever shows it stays where that answer came from."""
    visitor = proxies.at(50)
    seen = set()
    for _ in range(40):
        visitor.cookies.clear()
        first = visitor.get(GROUPS)
        assert "chat_cohort" in first.cookies
        second = visitor.get(GROUPS)
        assert "set-cookie" not in second.headers
        assert second.json()["server"] == first.json()["server"]
        seen.add(first.json()["server"])
    assert seen == {"old", "bridge"}


def test_the_servers_learn_the_true_address_whatever_a_client_claims(proxies: Proxies) -> None:
    """A forged X-Forwarded-For does not get through."""
    told = asked(proxies.at(0), X_Forwarded_For="203.0.113.7", X_Chat_Server="bridge")
    assert told["forwarded_for"] == "127.0.0.1"


def test_the_document_names_what_the_recipes_do() -> None:
    """The paths that follow the dial, as docs/routing.md lists them."""
    text = ROUTING.read_text()
    for one in ENDPOINTS.values():
        assert f"`{one.path.replace('{conversation_id}', '{id}')}`" in text
