"""Who is not let in by an old endpoint, and in which words."""

from __future__ import annotations

from collections.abc import Mapping

import jwt
import pytest

from bridge.errors import StoreDown
from bridge.keyring import Keyring, KeysUnavailable
from compat.session import FOREIGN_PAGE, Kind, NotAuthenticated, Reason
from tests.compat.doorway import HEADER_MISSING, KINDS, UNAUTHORIZED, Doorway, Headers, bearer, doorway
from tests.people import B, C
from tests.tokens import ABSENT, SECRET


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


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_kind_tells_more_than_its_two_texts(kind: Kind) -> None:
    """A client cannot learn from the text what is wrong with somebody's token."""
    texts = {NotAuthenticated(kind, reason).text for reason in Reason}
    assert texts == {kind.without_token, kind.with_bad_token}


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_cookies_count_for_nothing_where_a_header_is_asked_for(method: str) -> None:
    """And an expired one is not refreshed there."""
    async with doorway() as d:
        for browser in (d.browser(d.mint.hs256(B.auth_id)), d.expired()):
            assert await d.ask("bearer", {"Cookie": browser.header}, method) == (401, HEADER_MISSING)
            good = {"Cookie": browser.header, **bearer(d.mint.hs256(C.auth_id))}
            assert await d.ask("profile", good, method) == (200, C.user_id)
        assert d.auth.asked == []


async def test_a_bearer_token_needs_no_origin() -> None:
    """No browser attaches one by itself."""
    d = Doorway()
    headers = {"Origin": FOREIGN, "Sec-Fetch-Site": "cross-site", **bearer(d.mint.hs256(B.auth_id))}
    for kind in KINDS:
        assert await d.ask(kind, headers, "POST") == (200, B.user_id)
