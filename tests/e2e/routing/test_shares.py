"""Who is sent where by the recipes: by path, by header, by share; and what gets through to the servers behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from hypercorn.config import Config

from compat.endpoints import ENDPOINTS
from tests.e2e.routing.proxies import CADDY_RECIPE, NGINX_RECIPE, Recipe, free_port, running
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
BRIDGES_OWN = ("/rollout?client=web&version=2.4.0", "/protocol", "/asyncapi.json", "/openapi.json")
LANGUAGES = {"nginx": "nginx", "caddy": "caddyfile"}
EVERYTHING_ELSE = "# Everything else is the app's"
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


def test_what_the_bridge_alone_can_answer_is_always_asked_of_it(proxies: Proxies) -> None:
    """At any share: a frontend that could not ask which way to take would never leave the old one."""
    visitor = proxies.at(0)
    for path in BRIDGES_OWN:
        told = asked(visitor, path, X_Chat_Server="old")
        assert (told["server"], told["path"]) == ("bridge", path)


def test_the_old_server_stands_in_for_a_bridge_that_is_gone(recipe: Recipe, tmp_path: Path) -> None:
    """From the first request on, at the old endpoints: their clients have no other way. Not for what only it has."""
    with (
        telling("old") as old,
        running(recipe, tmp_path, old=old, bridge=free_port()) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as visitor,
    ):
        for method, path in OLD_ENDPOINTS:
            assert asked(visitor, path, method, X_Chat_Server="bridge")["server"] == "old"
        for path in ("/ws", *BRIDGES_OWN):
            assert visitor.get(path).status_code == 502


def test_the_documents_lines_pass_rest_v1_to_the_bridge(recipe: Recipe, tmp_path: Path) -> None:
    """Only they: without them the path is the app's."""
    (lines,) = re.findall(rf"```{LANGUAGES[recipe.program]}\n(.*?)```", ROUTING.read_text(), re.DOTALL)
    changed = replace(recipe, changed=((EVERYTHING_ELSE, f"{lines}{EVERYTHING_ELSE}"),))
    path = "/rest/v1/messages?select=id"
    with telling("old") as old, telling("bridge") as bridge:
        for one, server in ((recipe, "old"), (changed, "bridge")):
            folder = tmp_path / server
            folder.mkdir()
            with running(one, folder, old=old, bridge=bridge) as port:
                told = httpx.get(f"http://127.0.0.1:{port}{path}").json()
            assert (told["server"], told["path"]) == (server, path)


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


@pytest.mark.parametrize("server", ["old", "bridge"])
def test_the_servers_learn_the_host_with_its_port(proxies: Proxies, server: str) -> None:
    """By which old browsers' Origin is known to be of the same page, and www. is told from the bare host."""
    visitor = proxies.at(0)
    assert asked(visitor, X_Chat_Server=server)["host"] == visitor.base_url.netloc.decode()


@pytest.mark.parametrize("server", ["old", "bridge"])
def test_a_long_session_gets_through(proxies: Proxies, server: str) -> None:
    """In a dozen cookies, which come in one line (docs/deployment.md)."""
    session = "; ".join(f"sb-project-auth-token.{number}={'x' * 3180}" for number in range(12))
    assert asked(proxies.at(0), X_Chat_Server=server, Cookie=session)["server"] == server


def test_a_picture_gets_through_to_the_app(proxies: Proxies) -> None:
    """How large it may be is the app's to say."""
    answer = proxies.at(0).post("/api/user/avatar", content=bytes(4_000_000))
    assert (answer.status_code, answer.json()["server"]) == (200, "old")


def test_the_socket_is_the_only_upgrade(proxies: Proxies) -> None:
    """After another the proxy would let through unseen whatever a client sends."""
    visitor = proxies.at(0)
    for path in ("/ws", GROUPS, "/"):
        told = asked(visitor, path, X_Chat_Server="bridge", Connection="Upgrade, HTTP2-Settings", Upgrade="h2c")
        assert told["upgrade"] is None, path


@pytest.mark.parametrize("recipe", [NGINX_RECIPE, CADDY_RECIPE], ids=lambda recipe: recipe.program)
def test_proxies_let_go_of_idle_connections_before_the_servers_do(recipe: Recipe) -> None:
    """Or now and then a request meets one that is being closed, and POST is not tried again."""
    idle = re.findall(r"\bkeepalive(?:_timeout)? (\d+)s\b", recipe.text(old=1, bridge=2, listen=3, share=10))
    assert len(idle) == len(("old", "bridge", "bridge, else old"))
    assert all(float(seconds) < Config().keep_alive_timeout for seconds in idle)


def test_the_document_names_what_the_recipes_do() -> None:
    """The paths that follow the dial, and those that are always the bridge's, as docs/routing.md lists them."""
    text = ROUTING.read_text()
    for path in ("/ws", *BRIDGES_OWN):
        assert f"`{path.partition('?')[0]}`" in text
    for one in ENDPOINTS.values():
        assert f"`{one.path.replace('{conversation_id}', '{id}')}`" in text
