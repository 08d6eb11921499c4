"""Who sends a request to an old endpoint: by cookie or by header."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs
from werkzeug.datastructures import Headers as ManyHeaders

from compat.cookies import CookieForm, Shape
from tests.compat.browser import NAME
from tests.compat.doorway import Doorway, bearer, doorway
from tests.people import EVERY_KIND, B, C, D, E, Person


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


async def test_where_both_come_the_cookie_counts() -> None:
    """The original ignored the header there; it is for those who send no cookie."""
    async with doorway() as d:
        both = {"Cookie": d.browser(d.mint.hs256(B.auth_id)).header, **bearer(d.mint.hs256(C.auth_id))}
        assert await d.ask("cookie", both) == (200, B.user_id)
        unreadable = {"Cookie": f"{NAME}=garbage", **bearer(d.mint.hs256(C.auth_id))}
        assert await d.ask("cookie", unreadable) == (200, C.user_id)


async def test_cookies_may_come_in_several_headers() -> None:
    """As HTTP/2 divides them."""
    d = Doorway()
    browser = d.browser(d.mint.hs256(B.auth_id, user_metadata={"bio": "x" * 6000}))
    client = d.app.test_client()
    split = [("Cookie", f"{name}={value}") for name, value in browser.cookies.items()]
    assert len(split) > 2
    response = await client.get("/cookie", headers=ManyHeaders(split))
    assert (await response.get_json())["user"] == B.user_id
