"""A session that has expired is refreshed once, for all requests that come together, and handed back."""

from __future__ import annotations

import asyncio

import pytest

from bridge.errors import StoreDown
from compat.cookies import CookieForm, Shape
from compat.refreshing import RefreshRefused, RefreshUnavailable
from compat.session import Reason
from tests.compat.doorway import UNAUTHORIZED, WHOLE, Doorway, doorway, set_cookies
from tests.gated import Gate
from tests.people import A, B, C


@pytest.mark.parametrize("form", [WHOLE, CookieForm(is_base64=False, shape=Shape.LIST)], ids=str)
async def test_an_expired_session_is_refreshed_and_handed_back_in_its_form(form: CookieForm) -> None:
    """The request succeeds; from now on the browser has the new session, and shared caches do not."""
    async with doorway() as d:
        browser = d.expired(form=form)
        response = await d.come_back(browser)
        assert (await response.get_json())["user"] == B.user_id
        assert response.headers["Cache-Control"] == "private, no-store"
        stored = browser.read()
        assert stored is not None
        assert (stored.refresh_token, stored.form) == ("r+", form)
        again = await d.come_back(browser)
        assert (again.status_code, set_cookies(again), d.auth.asked) == (200, [], ["r"])


async def test_requests_that_come_together_are_all_given_the_new_session() -> None:
    """And so is one that comes late: each response may be the one that arrives."""
    async with doorway() as d:
        browser = d.expired()
        old = {"Cookie": browser.header}
        responses = await asyncio.gather(*(d.send("cookie", old) for _ in range(50)))
        d.clock.advance(60)
        responses.append(await d.send("cookie", old))
        assert {response.status_code for response in responses} == {200}
        assert len({tuple(set_cookies(response)) for response in responses}) == 1
        assert d.auth.asked == ["r"]


async def test_who_hung_up_finds_the_session_when_coming_back() -> None:
    """The refresh token was spent for somebody, after all."""
    async with doorway() as d:
        browser = d.expired()
        d.auth.gate = Gate()
        request_of_before = asyncio.create_task(d.send("cookie", {"Cookie": browser.header}))
        await d.auth.gate.reached()
        request_of_before.cancel()
        await asyncio.wait([request_of_before])
        d.auth.gate.open()
        await d.come_back(browser)
        stored = browser.read()
        assert stored is not None
        assert (stored.refresh_token, d.auth.asked) == ("r+", ["r"])


async def _has_the_new_session(d: Doorway, path: str, status: int) -> None:
    browser = d.expired()
    assert (await d.come_back(browser, path)).status_code == status
    stored = browser.read()
    assert stored is not None
    assert stored.refresh_token == "r+"


async def test_the_new_session_is_handed_back_even_if_the_request_fails() -> None:
    """By an error of the endpoint: the old refresh token is worth nothing any more."""
    async with doorway() as d:
        await _has_the_new_session(d, "cookie/breaks", 500)


async def test_the_new_session_is_handed_back_even_if_the_users_cannot_be_read() -> None:
    """By an error of the tables."""
    async with doorway() as d:
        d.tables.failing = StoreDown()
        await _has_the_new_session(d, "cookie", 500)


async def test_the_new_session_is_handed_back_even_if_it_is_not_good_here() -> None:
    """The Auth server's clock is ahead of ours, say: later it will be good."""
    async with doorway() as d:
        ahead = d.mint.hs256(B.auth_id, iat=int(d.clock.now().timestamp()) + 30)
        d.auth.answers.append(d.auth.issued("r+", access_token=ahead))
        browser = d.expired()
        assert (await d.come_back(browser)).status_code == 401
        d.clock.advance(30)
        assert (await (await d.come_back(browser)).get_json())["user"] == B.user_id


@pytest.mark.parametrize("trouble", [RefreshRefused("status 400"), RefreshUnavailable("status 503")], ids=repr)
async def test_a_refresh_that_fails_is_401_and_takes_nothing_away(trouble: Exception) -> None:
    """Another response may have set newer cookies at the same time, so none are removed."""
    async with doorway() as d:
        d.auth.answers.extend([trouble] * 2)
        response = await d.send("cookie", {"Cookie": d.expired().header})
        assert (response.status_code, await response.get_json()) == (401, {"error": "Unauthorized"})
        assert set_cookies(response) == []
        assert d.reasons == [Reason.EXPIRED]


async def test_a_session_without_refresh_token_ends_when_it_expires() -> None:
    """There is nothing to refresh it with."""
    async with doorway() as d:
        assert await d.ask("cookie", {"Cookie": d.expired(refresh_token=None).header}) == UNAUTHORIZED
        assert (d.reasons, d.auth.asked) == ([Reason.EXPIRED], [])


async def test_operators_may_leave_refreshing_to_the_app() -> None:
    """An expired session is then just that."""
    async with doorway(refreshing=False) as d:
        assert await d.ask("cookie", {"Cookie": d.expired().header}) == UNAUTHORIZED
        assert (d.reasons, d.auth.asked) == ([Reason.EXPIRED], [])


async def test_the_identity_is_that_of_the_new_session() -> None:
    """Who holds C's refresh token is C, whatever expired token lies beside it."""
    async with doorway() as d:
        d.auth.person = C
        assert await d.ask("cookie", {"Cookie": d.expired(B).header}) == (200, C.user_id)


async def test_the_cookies_are_secure_if_operators_say_so() -> None:
    """Behind TLS nobody needs them elsewhere."""
    d = Doorway(secure=True)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(d.refreshes.run())
        await asyncio.sleep(0)
        headers = set_cookies(await d.send("cookie", {"Cookie": d.expired(A).header}))
        running.cancel()
    assert headers
    assert all(header.endswith("; Path=/; SameSite=Lax; Secure") for header in headers)
