"""Who sends a request to an old endpoint: by cookie or by header, and what is told to everybody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import jwt
import pytest
from msgspec.structs import replace
from quart import Quart, ResponseReturnValue, request
from quart.typing import ResponseTypes
from structlog.testing import capture_logs
from werkzeug.datastructures import Headers as ManyHeaders

from bridge.errors import ActionError, StoreDown, StoreError
from bridge.keyring import Keyring, KeysUnavailable
from compat import cookies
from compat.cookies import CookieForm, Shape
from compat.errors import Refused, answer
from compat.refreshing import Refreshes, RefreshRefused, RefreshUnavailable
from compat.session import BEARER, COOKIE, FOREIGN_PAGE, PROFILE, Kind, NotAuthenticated, Reason, Rules, Sessions
from tests.compat.auth_server import AuthServer
from tests.compat.browser import NAME, Browser
from tests.compat.test_cookies import as_fields
from tests.gated import Gate
from tests.people import EVERY_KIND, A, B, C, D, E, Person
from tests.tokens import ABSENT, SECRET
from tests.world import Parts

KINDS = {"cookie": COOKIE, "bearer": BEARER, "profile": PROFILE}
HEADER_MISSING = "Missing or invalid authorization header"
UNAUTHORIZED = (401, "Unauthorized")
WHOLE = CookieForm(is_base64=True, shape=Shape.WHOLE)
Headers = Mapping[str, str]


class Doorway(Parts):
    """An application with an endpoint of each kind, which answers who was let in."""

    def __init__(self, *, refreshing: bool = True, phone_identity: bool = True, secure: bool = False) -> None:
        super().__init__()
        self.auth = AuthServer(self.mint, self.clock)
        self.refreshes = Refreshes(self.auth.refresh, self.clock)
        self.sessions = Sessions(
            self.verifier,
            self.store.users,
            self.refreshes if refreshing else None,
            Rules(
                cookie_name=NAME,
                secure=secure,
                trusted_origins=frozenset({"https://app.example.net"}),
                phone_identity=phone_identity,
            ),
        )
        self.reasons: list[Reason] = []
        self.app = Quart(__name__)
        self.app.config["PROPAGATE_EXCEPTIONS"] = False
        self.app.add_url_rule("/<kind>", view_func=self._let_in, methods=["GET", "POST", "PUT", "HEAD"])
        self.app.add_url_rule("/cookie/breaks", view_func=self._break)
        self.app.register_error_handler(Refused, self._refuse)
        for trouble in (ActionError, StoreError):
            self.app.register_error_handler(trouble, self._fail)

    async def _let_in(self, kind: str) -> ResponseReturnValue:
        visitor = await self.sessions.of(request, KINDS[kind])
        return {"user": visitor.caller and visitor.caller.identity.user_id, "auth": visitor.claims.auth_id}

    async def _break(self) -> ResponseReturnValue:
        await self.sessions.of(request, COOKIE)
        raise ZeroDivisionError

    async def _refuse(self, refused: Refused) -> ResponseReturnValue:
        if isinstance(refused, NotAuthenticated):
            self.reasons.append(refused.reason)
        return await answer(refused)

    async def _fail(self, _: Exception) -> ResponseReturnValue:
        return {"error": "Internal server error"}, 500

    async def send(self, kind: str, headers: Headers | None = None, method: str = "GET") -> ResponseTypes:
        """Send a request."""
        send = getattr(self.app.test_client(), method.lower())
        response: ResponseTypes = await send(f"/{kind}", headers=dict(headers or {}))
        return response

    async def ask(self, kind: str, headers: Headers | None = None, method: str = "GET") -> tuple[int, str | None]:
        """Return the status, and the users.id or the error that was told."""
        response = await self.send(kind, headers, method)
        told = await response.get_json()
        return response.status_code, told.get("error", told.get("user"))

    async def come_back(self, browser: Browser, path: str = "cookie", method: str = "GET") -> ResponseTypes:
        """Let a browser send its cookies and take those that it is given."""
        response = await self.send(path, {"Cookie": browser.header}, method)
        browser.take(response.headers.getlist("Set-Cookie"))
        return response

    def browser(self, token: str, refresh_token: str | None = "r", form: CookieForm = WHOLE) -> Browser:
        """Return a browser with a session, whose user in the cookie is somebody else."""
        session = {"access_token": token, "refresh_token": refresh_token, "user": {"id": C.auth_id}}
        return Browser().take(cookies.write(as_fields(session), form, NAME, [], secure=False))

    def expired(self, person: Person = B, refresh_token: str | None = "r", form: CookieForm = WHOLE) -> Browser:
        """Return a browser whose session has expired."""
        now = int(self.clock.now().timestamp())
        token = self.mint.hs256(person.auth_id, iat=now - 7200, exp=now - 3600, phone=person.phone)
        return self.browser(token, refresh_token, form)


@asynccontextmanager
async def doorway(*, refreshing: bool = True) -> AsyncIterator[Doorway]:
    """Run a doorway with its refreshes."""
    made = Doorway(refreshing=refreshing)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.refreshes.run())
        await asyncio.sleep(0)
        yield made
        running.cancel()


def bearer(token: str) -> Headers:
    """Return the header as clients send it."""
    return {"Authorization": f"Bearer {token}"}


def set_cookies(response: ResponseTypes) -> list[str]:
    """Return the cookies a response sets."""
    return response.headers.getlist("Set-Cookie")


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_each_kind_of_user_is_known_by_cookie_and_by_header(person: Person) -> None:
    """A, B and D, by the identity rule; the user named in the cookie counts for nothing (contract F1, F4)."""
    d = Doorway()
    token = d.mint.hs256(person.auth_id, phone=person.phone.removeprefix("+"))
    for kind, headers in (
        ("cookie", {"Cookie": d.browser(token).header}),
        ("cookie", bearer(token)),
        ("bearer", bearer(token)),
        ("profile", bearer(token)),
    ):
        assert await d.ask(kind, headers) == (200, person.user_id)


@pytest.mark.parametrize("form", [CookieForm(base64, shape) for base64 in (True, False) for shape in Shape], ids=str)
async def test_every_form_of_cookie_opens_the_door(form: CookieForm) -> None:
    """In chunks too."""
    d = Doorway()
    browser = d.browser(d.mint.es256(B.auth_id, user_metadata={"bio": "x" * 6000}), form=form)
    assert len(browser.session) > 2
    assert await d.ask("cookie", {"Cookie": browser.header}) == (200, B.user_id)


async def test_a_valid_token_without_users_row_is_somebody_without_caller() -> None:
    """Each endpoint has its own answer to that."""
    d = Doorway()
    response = await d.send("cookie", {"Cookie": d.browser(d.mint.hs256(E.auth_id)).header})
    assert await response.get_json() == {"user": None, "auth": E.auth_id}


async def test_phone_numbers_find_nobody_if_operators_want_it_so() -> None:
    """D is known by phone only."""
    d = Doorway(phone_identity=False)
    assert await d.ask("bearer", bearer(d.mint.hs256(D.auth_id, phone=D.phone))) == (200, None)


async def test_of_two_rows_with_one_account_the_older_counts_and_is_logged() -> None:
    """Contract F4."""
    d = Doorway()
    d.tables.add_user(replace(C.user, auth_user_id=B.auth_id))
    with capture_logs() as logs:
        assert await d.ask("bearer", bearer(d.mint.hs256(B.auth_id))) == (200, B.user_id)
    assert [line["event"] for line in logs].count("identity.ambiguous") == 1


async def test_nothing_at_all_is_told_in_the_words_of_each_endpoint() -> None:
    """Contract legacy-rest 3.1, 3.7, 3.9."""
    d = Doorway()
    assert await d.ask("cookie") == UNAUTHORIZED
    assert await d.ask("bearer") == await d.ask("profile") == (401, HEADER_MISSING)
    assert d.reasons == [Reason.NO_TOKEN] * 3


@pytest.mark.parametrize("header", ["bearer {}", "BEARER {}", "Bearer  {}", "Bearer\t{}", "Token {}", "{}", "Bearer"])
async def test_the_header_must_start_exactly_so(header: str) -> None:
    """Capital B, one space: whoever sent something else was refused (contract legacy-rest section 1)."""
    d = Doorway()
    status, text = await d.ask("bearer", {"Authorization": header.format(d.mint.hs256(B.auth_id))})
    assert (status, text) == (401, "Invalid token" if header.startswith("Bearer ") else HEADER_MISSING)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_cookies_count_for_nothing_where_a_header_is_asked_for(method: str) -> None:
    """And an expired one is not refreshed there."""
    async with doorway() as d:
        for browser in (d.browser(d.mint.hs256(B.auth_id)), d.expired()):
            assert await d.ask("bearer", {"Cookie": browser.header}, method) == (401, HEADER_MISSING)
            good = {"Cookie": browser.header, **bearer(d.mint.hs256(C.auth_id))}
            assert await d.ask("profile", good, method) == (200, C.user_id)
        assert d.auth.asked == []


async def test_where_both_come_the_cookie_counts() -> None:
    """The original ignored the header there; it is for those who send no cookie."""
    async with doorway() as d:
        both = {"Cookie": d.browser(d.mint.hs256(B.auth_id)).header, **bearer(d.mint.hs256(C.auth_id))}
        assert await d.ask("cookie", both) == (200, B.user_id)
        unreadable = {"Cookie": f"{NAME}=garbage", **bearer(d.mint.hs256(C.auth_id))}
        assert await d.ask("cookie", unreadable) == (200, C.user_id)


BAD_CLAIMS: Mapping[str, dict[str, object]] = {
    "wrong audience": {"aud": "other"},
    "anon": {"role": "anon"},
    "service": {"role": "service_role"},
    "no expiry": {"exp": ABSENT},
    "not yet": {"iat": 9_999_999_999},
}


@pytest.mark.parametrize(
    "name", [*BAD_CLAIMS, "no uuid", "tampered", "wrong key", "alg none", "api key", "words", "empty"]
)
async def test_a_bad_token_is_refused_everywhere_and_never_refreshed(name: str) -> None:
    """Whatever came with it: cookies are not signed, and only a token of our own may cost a question (contract F12)."""
    async with doorway() as d:
        good, claims = d.mint.hs256(B.auth_id), d.mint.claims(B.auth_id)
        head, body, signature = good.split(".")
        token = {
            "no uuid": d.mint.hs256("somebody"),
            **{bad: d.mint.hs256(B.auth_id, **changes) for bad, changes in BAD_CLAIMS.items()},
            "tampered": f"{head}.{body[:-2]}AA.{signature}",
            "wrong key": jwt.encode(claims, f"not {SECRET}", algorithm="HS256"),
            "alg none": jwt.encode(claims, "", algorithm="none"),
            "api key": "sb_secret_abcdefghijklmnopqrstuv_12345678",
            "words": "not a token",
            "empty": " ",
        }[name]
        assert await d.ask("cookie", {"Cookie": d.browser(token).header}) == UNAUTHORIZED
        assert await d.ask("bearer", bearer(token)) == (401, "Invalid token")
        assert await d.ask("profile", bearer(token)) == (401, "Invalid or expired token")
        assert d.reasons == [Reason.INVALID] * 3
        assert d.auth.asked == []


async def test_an_expired_bearer_token_is_told_so() -> None:
    """Its holder refreshes it; the header carries nothing to do it with."""
    async with doorway() as d:
        token = d.mint.hs256(B.auth_id)
        assert await d.ask("bearer", bearer(token)) == (200, B.user_id)
        d.clock.advance(3700)
        assert await d.ask("bearer", bearer(token)) == (401, "Invalid token")
        assert await d.ask("profile", bearer(token)) == (401, "Invalid or expired token")
        assert await d.ask("cookie", bearer(token)) == UNAUTHORIZED
        assert d.reasons == [Reason.EXPIRED] * 3
        assert d.auth.asked == []


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


async def test_trouble_of_ours_is_not_called_a_bad_token() -> None:
    """The keys or the tables do not answer: 500, so that nobody is thrown out."""
    d = Doorway()

    async def no_keys() -> bytes:
        raise KeysUnavailable

    d.verifier._keyring = Keyring(no_keys, d.clock)
    headers = {"Cookie": d.browser(d.mint.es256(B.auth_id)).header}
    assert await d.ask("cookie", headers) == (500, "Internal server error")
    d.tables.failing = StoreDown()
    assert await d.ask("bearer", bearer(d.mint.hs256(B.auth_id))) == (500, "Internal server error")


OWN, FOREIGN = "http://localhost", "https://evil.example"


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("POST", {}, 200),
        ("POST", {"Origin": OWN, "Sec-Fetch-Site": "same-origin"}, 200),
        ("POST", {"Origin": OWN}, 200),
        ("POST", {"Origin": "https://app.example.net", "Sec-Fetch-Site": "cross-site"}, 200),
        ("POST", {"Origin": FOREIGN}, 403),
        ("PUT", {"Origin": FOREIGN}, 403),
        ("POST", {"Sec-Fetch-Site": "same-site"}, 403),
        ("GET", {"Origin": FOREIGN, "Sec-Fetch-Site": "cross-site"}, 200),
    ],
)
async def test_only_our_own_pages_change_something_by_cookie(method: str, headers: Headers, status: int) -> None:
    """Browsers send cookies for other sites' pages too; those may look (and see nothing), never touch."""
    async with doorway() as d:
        for browser in (d.browser(d.mint.hs256(B.auth_id)), d.expired()):
            told = await d.ask("cookie", {"Cookie": browser.header, "Host": "localhost", **headers}, method)
            assert told == ((200, B.user_id) if status == 200 else (403, FOREIGN_PAGE))
        assert d.auth.asked == ([] if status == 403 else ["r"])


async def test_a_bearer_token_needs_no_origin() -> None:
    """No browser attaches one by itself."""
    d = Doorway()
    headers = {"Origin": FOREIGN, "Sec-Fetch-Site": "cross-site", **bearer(d.mint.hs256(B.auth_id))}
    for kind in KINDS:
        assert await d.ask(kind, headers, "POST") == (200, B.user_id)


async def test_cookies_may_come_in_several_headers() -> None:
    """As HTTP/2 divides them."""
    d = Doorway()
    browser = d.browser(d.mint.hs256(B.auth_id, user_metadata={"bio": "x" * 6000}))
    client = d.app.test_client()
    split = [("Cookie", f"{name}={value}") for name, value in browser.cookies.items()]
    assert len(split) > 2
    response = await client.get("/cookie", headers=ManyHeaders(split))
    assert (await response.get_json())["user"] == B.user_id


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


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_kind_tells_more_than_its_two_texts(kind: Kind) -> None:
    """A client cannot learn from the text what is wrong with somebody's token."""
    texts = {NotAuthenticated(kind, reason).text for reason in Reason}
    assert texts == {kind.without_token, kind.with_bad_token}
