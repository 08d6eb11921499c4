"""Sessions that the real @supabase/ssr has made are known, and those that the bridge has refreshed are known to it."""

from __future__ import annotations

import asyncio
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Raw, json

from compat import cookies
from compat.cookies import CookieForm, Shape
from scripts.sandbox.address import SandboxAddress
from tests.compat.browser import Browser
from tests.e2e.accounts import NAME, Account, Library, refreshes_of, sign_up
from tests.e2e.conftest import StartBridge
from tests.e2e.database import Database
from tests.e2e.old_sessions.site import PATIENCE_SECONDS, Site, expired, site

LONG = "Zoë 🦊 " * 120
FORMS = [
    {"side": side, "encoding": encoding, "tokensOnly": tokens_only}
    for side in ("server", "browser")
    for encoding in ("base64url", "raw")
    for tokens_only in (False, True)
]


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
