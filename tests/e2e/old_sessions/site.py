"""A bridge that old pages talk to, and browsers whose session has expired."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
from quart import ResponseReturnValue, request

from bridge.app import Bridge
from compat.errors import Refused, answer
from compat.session import COOKIE
from tests.compat.browser import Browser
from tests.e2e.accounts import Account, Library
from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.database import Database

PATIENCE_SECONDS = 20.0


def with_endpoint(parts: Bridge) -> None:
    """Add an endpoint that tells who asks."""

    async def who() -> ResponseReturnValue:
        visitor = await parts.sessions.of(request, COOKIE)
        return {"user": visitor.caller and visitor.caller.identity.user_id}

    parts.app.add_url_rule("/who", view_func=who, methods=["GET", "POST"])
    parts.app.register_error_handler(Refused, answer)


@dataclass(frozen=True, slots=True)
class Site:
    """A bridge that old pages talk to."""

    bridge: RunningBridge
    http: httpx.AsyncClient

    async def come(self, browser: Browser) -> httpx.Response:
        """Send a request with a browser's cookies; what it sets is left to the test."""
        return await self.http.get("/who", headers={"Cookie": browser.header})

    async def come_back(self, browser: Browser) -> tuple[int, str | None]:
        """Send a request, let the browser take its cookies, and return the status and who was let in."""
        response = await self.come(browser)
        browser.take(response.headers.get_list("Set-Cookie"))
        return response.status_code, response.json().get("user")


@asynccontextmanager
async def site(
    start_bridge: StartBridge, prepare: Callable[[Bridge], None] = with_endpoint, **overrides: object
) -> AsyncIterator[Site]:
    """Run a bridge with the endpoint."""
    async with start_bridge(prepare, **overrides) as bridge:
        address = bridge.url.replace("ws://", "http://").removesuffix("/ws")
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_SECONDS) as http:
            yield Site(bridge, http)


async def expired(library: Library, database: Database, account: Account, **options: object) -> Browser:
    """Return a browser whose session has just expired."""
    token = await database.token(account.auth_id, lifetime_seconds=-60)
    return await library.signed_in(account, issued={"access_token": token, "expires_at": 1_700_000_000}, **options)
