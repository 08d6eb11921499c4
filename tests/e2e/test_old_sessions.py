"""Session cookies of the real @supabase/ssr at a bridge on real sockets, with the sandbox's Auth server behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw, json
from quart import ResponseReturnValue, request

from bridge.app import Bridge
from compat import cookies
from compat.cookies import CookieForm, Shape
from compat.errors import Refused, answer
from compat.session import COOKIE
from scripts.sandbox.address import SandboxAddress
from tests.compat.browser import Browser
from tests.e2e.accounts import NAME, Account, Library, refreshes_of, sign_up
from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.database import Database
from tests.gated import Gate
from tests.node import NodeScript

REFRESHING = "/auth/v1/token"
PATIENCE_SECONDS = 20.0
LONG = "Zoë 🦊 " * 120
FORMS = [
    {"side": side, "encoding": encoding, "tokensOnly": tokens_only}
    for side in ("server", "browser")
    for encoding in ("base64url", "raw")
    for tokens_only in (False, True)
]


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


@pytest.fixture
async def page(start_bridge: StartBridge) -> AsyncIterator[Site]:
    """Yield a bridge with the endpoint."""
    async with site(start_bridge) as running:
        yield running


@pytest.fixture(scope="module")
def library(sandbox: SandboxAddress) -> Iterator[Library]:
    """Yield the real library."""
    script = NodeScript("session_cookies.mjs", sandbox)
    yield Library(script)
    script.close()


@pytest.fixture
async def account(sandbox: SandboxAddress, database: Database) -> Account:
    """Return somebody new."""
    return await sign_up(sandbox, database)


async def expired(library: Library, database: Database, account: Account, **options: object) -> Browser:
    """Return a browser whose session has just expired."""
    token = await database.token(account.auth_id, lifetime_seconds=-60)
    return await library.signed_in(account, issued={"access_token": token, "expires_at": 1_700_000_000}, **options)


@pytest.mark.parametrize("biography", ["", LONG], ids=["short", "long"])
async def test_every_cookie_that_the_library_makes_opens_the_door(
    page: Site, library: Library, sandbox: SandboxAddress, database: Database, biography: str
) -> None:
    """On the app's server and in browsers, in every encoding, in one cookie and in several."""
    account = await sign_up(sandbox, database, bio=biography)
    for form in FORMS:
        browser = await library.signed_in(account, **form)
        if biography:
            assert f"{NAME}.1" in browser.session, form
        assert await page.come_back(browser) == (200, account.user_id), form


@pytest.mark.parametrize("biography", ["", LONG], ids=["short", "long"])
async def test_the_library_reads_the_session_that_the_bridge_refreshed(
    page: Site, library: Library, sandbox: SandboxAddress, database: Database, biography: str
) -> None:
    """As one of its own, which it need not correct; Auth knows its user, and the bridge too."""
    account = await sign_up(sandbox, database, bio=biography)
    for number, form in enumerate(FORMS, start=1):
        browser = await expired(library, database, account, **form)
        before = browser.read(NAME)
        assert await page.come_back(browser) == (200, account.user_id), form
        after = browser.read(NAME)
        assert before is not None
        assert after is not None
        assert after.form == before.form
        assert after.refresh_token not in {None, before.refresh_token}
        seen = await library.read(browser, encoding=form["encoding"], tokensOnly=form["tokensOnly"])
        assert (seen["user"], seen["refresh_token"]) == (account.auth_id, after.refresh_token), form
        assert (seen["access_token"], seen["setCookies"]) == (after.access_token, []), form
        assert await page.come_back(browser) == (200, account.user_id), form
        assert await refreshes_of(database, account) == number


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # the fixture is a process
@given(text=st.text(st.characters(codec="utf-8"), max_size=40), times=st.integers(1, 300), is_base64=st.booleans())
async def test_values_are_divided_exactly_where_the_library_does(
    library: Library, text: str, times: int, *, is_base64: bool
) -> None:
    """So that neither side ever leaves a chunk that the other would not have made."""
    content = json.encode(["token", text * times])
    fields = {"access_token": Raw(json.encode("token")), "user": Raw(content)}
    form = CookieForm(is_base64=is_base64, shape=Shape.WHOLE)
    ours = Browser().take(cookies.write(fields, form, NAME, [], secure=False)).session
    assert await library.chunks(unquote("".join(ours.values()))) == ours


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


async def test_operators_choose_name_attributes_and_whether_to_refresh(
    start_bridge: StartBridge, library: Library, database: Database, account: Account
) -> None:
    """The name that follows from the address is then no session's."""
    browser = await expired(library, database, account)
    renamed = Browser(**{name.replace(NAME, "my.session"): value for name, value in browser.session.items()})
    async with site(start_bridge, session_cookie="my.session", refresh_sessions=False) as page:
        assert (await page.come(renamed)).status_code == 401
        assert await refreshes_of(database, account) == 0
    async with site(start_bridge, session_cookie="my.session", session_cookie_secure=True) as page:
        assert (await page.come(browser)).status_code == 401
        response = await page.come(renamed)
        assert response.json() == {"user": account.user_id}
        for one in response.headers.get_list("Set-Cookie"):
            assert one.startswith("my.session")
            assert one.endswith("; Secure")


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


async def test_api_keys_are_nobody(page: Site, sandbox: SandboxAddress) -> None:
    """Neither as a bearer token nor in a cookie."""
    form = CookieForm(is_base64=True, shape=Shape.WHOLE)
    for key in (sandbox.anon_key, sandbox.service_role_key, sandbox.publishable_key, sandbox.secret_key):
        fields = {"access_token": Raw(json.encode(key)), "refresh_token": Raw(b'"r"')}
        browser = Browser().take(cookies.write(fields, form, NAME, [], secure=False))
        assert (await page.come(browser)).status_code == 401
        assert (await page.http.get("/who", headers={"Authorization": f"Bearer {key}"})).status_code == 401


async def test_early_accounts_are_found_by_phone(page: Site, sandbox: SandboxAddress, database: Database) -> None:
    """D, whose token has the number with and without its plus; E is somebody without a row (contract F4)."""
    dave, erin = sandbox.people["dave"], sandbox.people["erin"]
    ((phone,),) = await database.fetch("select phone_number from users where id = %s", dave.user_id)
    for claimed in (phone, str(phone).removeprefix("+")):
        token = await database.token(str(dave.auth_id), claims={"phone": claimed})
        response = await page.http.get("/who", headers={"Authorization": f"Bearer {token}"})
        assert response.json() == {"user": str(dave.user_id)}
    response = await page.http.get("/who", headers={"Authorization": f"Bearer {erin.token}"})
    assert (response.status_code, response.json()) == (200, {"user": None})


async def test_of_two_rows_with_one_account_the_older_counts(
    page: Site, library: Library, database: Database, account: Account
) -> None:
    """auth_user_id is not unique (contract F4)."""
    await database.run(
        "insert into users (auth_user_id, username, display_name, phone_number, created_at) "
        "values (%s, %s, 'Older', %s, '2020-01-01')",
        account.auth_id,
        f"older-{account.user_id}",
        f"older-{account.user_id}",
    )
    ((older,),) = await database.fetch("select id from users where username = %s", f"older-{account.user_id}")
    assert await page.come_back(await library.signed_in(account)) == (200, str(older))


async def test_a_cookie_of_twelve_kilobytes_arrives(
    page: Site, library: Library, sandbox: SandboxAddress, database: Database
) -> None:
    """Even in small segments: servers that expect 8 KiB of headers answer 431 (runtime.md section 1)."""
    account = await sign_up(sandbox, database, bio="x" * 4200)
    browser = await library.signed_in(account)
    text = f"GET /who HTTP/1.1\r\nHost: x\r\nCookie: {browser.header}\r\nConnection: close\r\n\r\n"
    assert len(text) > 12_000
    reader, writer = await asyncio.open_connection(page.http.base_url.host, page.http.base_url.port)
    for start in range(0, len(text), 1400):
        writer.write(text[start : start + 1400].encode())
        await writer.drain()
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_SECONDS):
        told = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert told.startswith(b"HTTP/1.1 200 ")
    assert account.user_id.encode() in told
