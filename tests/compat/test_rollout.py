"""GET /rollout: a frontend asks which path to take before it connects."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Set
from contextlib import asynccontextmanager

import pytest
from quart import Quart
from quart.typing import ResponseTypes

from bridge.errors import StoreDown
from bridge.paths import Stage
from bridge.rollout.plan import Plan
from compat.rollout import answer_rollout
from tests.compat.doorway import Doorway
from tests.governed import governed
from tests.people import A, B
from tests.plans import plan_of

APP = "https://app.example.net"
NO_USER = "cccccccc-0000-4000-8000-0000000000ff"


class Reception:
    """An application with the one endpoint."""

    def __init__(self, doorway: Doorway, origins: Set[str] | None) -> None:
        self.doorway = doorway
        self.app = Quart(__name__)
        answer_rollout(self.app, doorway.sessions, doorway.dial.rollout, origins)

    async def get(self, query: str = "", method: str = "get", **headers: str) -> ResponseTypes:
        """Send a request."""
        send = getattr(self.app.test_client(), method)
        response: ResponseTypes = await send(f"/rollout{query}", headers=headers)
        return response

    async def ask(self, query: str = "", auth_id: str = B.auth_id) -> Mapping[str, object]:
        """Ask with a bearer token and return the answer."""
        token = self.doorway.mint.hs256(auth_id)
        response = await self.get(query, Authorization=f"Bearer {token}")
        assert response.status_code == 200
        answer: Mapping[str, object] = await response.get_json()
        return answer


@asynccontextmanager
async def reception(plan: Plan, origins: Set[str] | None = None) -> AsyncIterator[Reception]:
    """Run an application with a plan."""
    doorway = Doorway()
    async with governed(doorway, plan):
        yield Reception(doorway, origins)


async def test_the_answer_is_the_users() -> None:
    """Path, what decided, and the stage; not to be kept."""
    async with reception(plan_of(Stage.CANARY, allow={A.user_id})) as r:
        assert await r.ask(auth_id=A.auth_id) == {"path": "bridge", "reason": "allowed", "stage": "canary"}
        assert await r.ask(auth_id=B.auth_id) == {"path": "legacy", "reason": "stage", "stage": "canary"}
        response = await r.get(Authorization=f"Bearer {r.doorway.mint.hs256(B.auth_id)}")
        assert response.headers["Cache-Control"] == "private, no-store"
        assert response.headers["Content-Type"] == "application/json"


async def test_the_cookie_of_the_session_does_as_well() -> None:
    """It is what the app's pages have."""
    async with reception(plan_of(Stage.FULL)) as r:
        browser = r.doorway.browser(r.doorway.mint.hs256(B.auth_id))
        response = await r.get(Cookie=browser.header)
        assert (await response.get_json())["path"] == "bridge"


async def test_the_client_says_which_it_is() -> None:
    """For the minimum version; the unnamed falls under `*`."""
    async with reception(plan_of(Stage.FULL, minimum_versions={"web": "2.4", "*": "1"})) as r:
        answers = [
            await r.ask(query) for query in ("?client=web&version=2.4.1", "?client=web&version=2.3", "", "?version=2")
        ]
        assert [one["path"] for one in answers] == ["bridge", "legacy", "legacy", "bridge"]
        assert answers[1]["reason"] == "client_too_old"
        token = f"Bearer {r.doorway.mint.hs256(B.auth_id)}"
        response = await r.get(**{"Authorization": token, "X-Client-Name": "web", "X-Client-Version": "2.4.1"})
        assert (await response.get_json())["path"] == "bridge"


async def test_an_account_without_a_user_stays_where_it_signs_up() -> None:
    """On the legacy path."""
    async with reception(plan_of(Stage.FULL)) as r:
        assert await r.ask(auth_id=NO_USER) == {"path": "legacy", "reason": "no_user", "stage": "full"}


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer nonsense", "Basic abc"])
async def test_nobody_is_told_nothing(header: str) -> None:
    """401, as JSON."""
    async with reception(plan_of(Stage.FULL)) as r:
        response = await r.get(Authorization=header)
        assert (response.status_code, await response.get_json()) == (401, {"error": "Unauthorized"})


async def test_tables_that_do_not_answer_are_the_servers_own_trouble() -> None:
    """A client without an answer takes the legacy path."""
    async with reception(plan_of(Stage.FULL)) as r:
        r.doorway.door.failing["users.by_auth_id"] = StoreDown("gone")
        response = await r.get(Authorization=f"Bearer {r.doorway.mint.hs256(B.auth_id)}")
        assert (response.status_code, await response.get_json()) == (500, {"error": "Internal server error"})


async def test_pages_of_listed_origins_may_read_the_answer_with_cookies() -> None:
    """Others may not read it; errors count as answers."""
    async with reception(plan_of(Stage.FULL), {APP}) as r:
        ours = await r.get(Origin=APP)
        assert ours.headers["Access-Control-Allow-Origin"] == APP
        assert ours.headers["Access-Control-Allow-Credentials"] == "true"
        for headers in ({"Origin": "https://evil.example"}, {}):
            theirs = await r.get(**headers)
            assert "Access-Control-Allow-Origin" not in theirs.headers
            assert theirs.headers["Vary"] == "Origin"


async def test_where_all_origins_are_allowed_a_page_may_ask_with_a_token_only() -> None:
    """Cookies go with requests of any page; a token has to be known."""
    async with reception(plan_of(Stage.FULL)) as r:
        response = await r.get(Origin="https://anywhere.example")
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers


async def test_a_browser_may_ask_whether_it_may_ask() -> None:
    """The header with the token needs a preflight."""
    async with reception(plan_of(Stage.FULL), {APP}) as r:
        response = await r.get(method="options", Origin=APP)
        assert response.status_code == 204
        assert response.content_length == 0
        allowed = response.headers["Access-Control-Allow-Headers"]
        assert allowed == "Authorization, X-Client-Name, X-Client-Version"
        assert response.headers["Access-Control-Allow-Methods"] == "GET"


async def test_other_methods_are_refused() -> None:
    """There is nothing to change."""
    async with reception(plan_of(Stage.FULL)) as r:
        assert (await r.get(method="post")).status_code == 405
