"""A session that has expired is refreshed once, and survives whatever goes wrong meanwhile."""

from __future__ import annotations

import asyncio

from quart import ResponseReturnValue, request

from bridge.app import Bridge
from compat.session import COOKIE
from tests.compat.browser import Browser
from tests.e2e.accounts import NAME, Account, Library, refreshes_of
from tests.e2e.conftest import StartBridge
from tests.e2e.database import Database
from tests.e2e.old_sessions.site import PATIENCE_SECONDS, Site, expired, site, with_endpoint
from tests.gated import Gate

REFRESHING = "/auth/v1/token"


async def test_fifty_requests_at_once_refresh_once(
    page: Site, library: Library, database: Database, account: Account
) -> None:
    """All succeed with the same cookies; the Auth server has spent one refresh token."""
    browser = await expired(library, database, account)
    responses = await asyncio.gather(*(page.come(browser) for _ in range(50)))
    assert {(response.status_code, response.json()["user"]) for response in responses} == {(200, account.user_id)}
    assert len({tuple(response.headers.get_list("Set-Cookie")) for response in responses}) == 1
    assert await refreshes_of(database, account) == 1
    browser.take(responses[0].headers.get_list("Set-Cookie"))
    assert (await library.read(browser))["user"] == account.auth_id


async def test_two_bridges_may_refresh_the_same_session(
    page: Site, start_bridge: StartBridge, library: Library, database: Database, account: Account
) -> None:
    """Neither knows of the other; the Auth server gives the later one the session that is current by then."""
    async with site(start_bridge, supabase_publishable_key=page.bridge.sandbox.publishable_key) as other:
        browser = await expired(library, database, account)
        tokens = set()
        for one in (page, other):
            response = await one.come(browser)
            assert response.json() == {"user": account.user_id}
            stored = Browser().take(response.headers.get_list("Set-Cookie")).read(NAME)
            assert stored is not None
            tokens.add(stored.refresh_token)
        assert len(tokens) == 1
        assert await refreshes_of(database, account) == 1


async def test_an_answer_that_is_lost_costs_no_session(
    page: Site, library: Library, database: Database, account: Account
) -> None:
    """The token is spent, the connection broke before its successor arrived: the bridge asks again."""
    browser = await expired(library, database, account)
    async with database.faults(data_api={"lose_next": 1, "path": REFRESHING}):
        assert await page.come_back(browser) == (200, account.user_id)
    assert await refreshes_of(database, account) == 1
    assert (await library.read(browser))["user"] == account.auth_id


async def test_while_the_auth_server_is_down_nothing_is_lost(
    page: Site, library: Library, database: Database, account: Account
) -> None:
    """401 as long as it lasts; then the session goes on."""
    browser = await expired(library, database, account)
    async with database.faults(data_api={"down": True, "path": REFRESHING}):
        response = await page.come(browser)
        assert (response.status_code, response.json()) == (401, {"error": "Unauthorized"})
        assert response.headers.get_list("Set-Cookie") == []
    assert await page.come_back(browser) == (200, account.user_id)


async def test_a_browser_that_hangs_up_finds_its_session_later(
    start_bridge: StartBridge, library: Library, database: Database, account: Account
) -> None:
    """Its refresh token is being spent when nobody waits for the answer any more."""
    gate, gone = Gate(), asyncio.Event()

    def prepare(parts: Bridge) -> None:
        with_endpoint(parts)
        refreshes = parts.sessions._refreshes
        assert refreshes is not None
        refresh = refreshes._refresh

        async def held(token: str) -> bytes:
            await gate()
            return await refresh(token)

        async def slowly() -> ResponseReturnValue:
            try:
                await parts.sessions.of(request, COOKIE)
            finally:
                gone.set()
            return {}

        refreshes._refresh = held
        parts.app.add_url_rule("/slowly", view_func=slowly)

    async with site(start_bridge, prepare) as page:
        browser = await expired(library, database, account)
        host, port = page.http.base_url.host, page.http.base_url.port
        _, writer = await asyncio.open_connection(host, port)
        writer.write(f"GET /slowly HTTP/1.1\r\nHost: {host}\r\nCookie: {browser.header}\r\n\r\n".encode())
        async with asyncio.timeout(PATIENCE_SECONDS):
            await gate.reached()
            writer.close()
            await gone.wait()
        gate.open()
        assert await page.come_back(browser) == (200, account.user_id)
    assert await refreshes_of(database, account) == 1


async def test_a_session_that_was_signed_out_is_over(
    page: Site, library: Library, database: Database, account: Account
) -> None:
    """Auth refuses its refresh token; the cookies stay, for others may just have been set."""
    browser = await expired(library, database, account)
    await database.run("delete from auth.sessions where user_id::text = %s", account.auth_id)
    await database.run("delete from auth.refresh_tokens where user_id::text = %s", account.auth_id)
    response = await page.come(browser)
    assert (response.status_code, response.headers.get_list("Set-Cookie")) == (401, [])


async def test_nothing_of_the_visitors_request_reaches_the_auth_server(
    page: Site, library: Library, database: Database, account: Account
) -> None:
    """The secret key is refused together with a browser's User-Agent (supabase.md 1.2)."""
    browser = await expired(library, database, account)
    headers = {"Cookie": browser.header, "User-Agent": "Mozilla/5.0", "Authorization": "bearer nonsense"}
    assert (await page.http.get("/who", headers=headers)).json() == {"user": account.user_id}


async def test_a_token_that_was_never_a_users_is_not_refreshed(
    page: Site, library: Library, database: Database, account: Account
) -> None:
    """A good refresh token beside it changes nothing (contract F12)."""
    for lifetime in (3600, -60):
        for claims in ({"aud": "other"}, {"role": "anon"}, {"role": "service_role"}):
            token = await database.token(account.auth_id, lifetime_seconds=lifetime, claims=claims)
            browser = await library.signed_in(account, issued={"access_token": token})
            assert await page.come_back(browser) == (401, None)
    assert await refreshes_of(database, account) == 0
