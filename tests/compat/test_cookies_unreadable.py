"""Cookies that are no session, and where a session ends among other cookies."""

from __future__ import annotations

import base64
import json

import pytest

from compat import cookies
from compat.cookies import CookieForm, Shape
from tests.compat.browser import NAME
from tests.compat.stored_sessions import FORMS, REFRESH, SESSION, base64url, refresh_token, with_biography, written


def test_a_cookie_without_number_wins_over_numbered_ones() -> None:
    """Even if nothing can be read in it; an empty one does not count."""
    whole, chunked = base64url('["whole", "r"]'), base64url('["chunked", "r"]')
    both = {NAME: whole, f"{NAME}.0": chunked}
    assert cookies.read(both, NAME) == cookies.read({NAME: whole}, NAME)
    assert cookies.read({**both, NAME: "garbage"}, NAME) is None
    assert cookies.read({**both, NAME: ""}, NAME) == cookies.read({f"{NAME}.0": chunked}, NAME)


def test_chunks_count_up_to_the_first_gap() -> None:
    """What is left of an older, longer session is no part of this one."""
    value = base64url(json.dumps(SESSION))
    third = len(value) // 3
    chunks = {f"{NAME}.0": value[:third], f"{NAME}.1": value[third : 2 * third], f"{NAME}.2": value[2 * third :]}
    assert cookies.read({**chunks, f"{NAME}.4": "stale"}, NAME) is not None
    assert cookies.read({**chunks, f"{NAME}.3": "", f"{NAME}.4": "stale"}, NAME) is not None
    assert cookies.read({**chunks, f"{NAME}.1": ""}, NAME) is None
    assert cookies.read({**chunks, f"{NAME}.0": ""}, NAME) is None


def test_chunks_of_two_generations_are_no_session() -> None:
    """A response that broke off half-way leaves such a mixture."""
    form = CookieForm(is_base64=True, shape=Shape.WHOLE)
    old = written(form, with_biography(5_000)).session
    new = written(form, {**with_biography(5_000), "access_token": "another.one.x"}).session
    assert old.keys() == new.keys()
    assert cookies.read({**old, f"{NAME}.0": new[f"{NAME}.0"][:-3]}, NAME) is None


def test_the_library_ignores_blanks_and_padding_in_base64() -> None:
    """So do we."""
    padded = base64.urlsafe_b64encode(json.dumps(["a.b.c", "r"]).encode()).decode()
    stored = cookies.read({NAME: f"base64-{padded[:5]}%20%0A{padded[5:]}%3D"}, NAME)
    assert stored is not None
    assert stored.access_token == "a.b.c"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "base64-",
        "base64-!!!",
        "base64-" + "A" * 5,
        base64url("{"),
        base64url("null"),
        base64url('"text"'),
        base64url("{}"),
        base64url('{"access_token": 1}'),
        base64url('{"access_token": ""}'),
        base64url('{"access_token": null, "refresh_token": "r"}'),
        base64url('{"access_token": "a", "refresh_token": 1}'),
        base64url("[]"),
        base64url('[1, "r"]'),
        base64url('["", "r"]'),
        base64url('["a", ' + "[" * 100_000),
        base64url('{"access_token": "a"}') + "%",
        base64url('{"access_token": "a"}')[7:],
        "base64-" + base64.urlsafe_b64encode(b'{"access_token": "\xff"}').decode(),
        "{%22access_token%22:%22%FF%22}",
        "%7B%22access_token%22%3A%22a%22",
        base64url(json.dumps(["a" * cookies.MAX_VALUE_CHARACTERS, "r"])),
    ],
)
def test_what_cannot_be_read_is_no_session(value: str) -> None:
    """And no error either."""
    assert cookies.read({NAME: value}, NAME) is None


def test_a_session_in_too_many_cookies_is_none() -> None:
    """The limit is beyond what fits into the headers of a request."""
    value = base64url(json.dumps(["a.b.c", "r"]))
    chunks = {f"{NAME}.{number}": character for number, character in enumerate(value)}
    assert len(chunks) < cookies.MAX_CHUNKS
    assert cookies.read(chunks, NAME) is not None
    longer = base64url(json.dumps(["a.b.c.d.e.f.g", "r"]))
    chunks = {f"{NAME}.{number}": character for number, character in enumerate(longer)}
    assert len(chunks) > cookies.MAX_CHUNKS
    assert cookies.read(chunks, NAME) is None


@pytest.mark.parametrize("refresh", [None, "", "two words", "ümlaut", "line\nbreak", "x" * 1025])
def test_a_strange_refresh_token_is_none(refresh: str | None) -> None:
    """The access token may still be good; the Auth server is not asked about such a thing."""
    stored = cookies.read({NAME: base64url(json.dumps(["a.b.c", refresh]))}, NAME)
    assert stored is not None
    assert stored.refresh_token is None


def test_a_session_without_refresh_token_is_one() -> None:
    """It ends when its access token does."""
    for content in ('["a.b.c"]', '{"access_token": "a.b.c"}'):
        stored = cookies.read({NAME: base64url(content)}, NAME)
        assert stored is not None
        assert (stored.access_token, stored.refresh_token) == ("a.b.c", None)


@pytest.mark.parametrize(
    "header",
    [
        f"{NAME}=1",
        f"a=b; {NAME}=1; {NAME}=2",
        f"a=b;{NAME}=1;c",
        f" \t{NAME} =\t1 ;; =",
        f"{NAME}-user=x; {NAME}-code-verifier=x; {NAME}=1; x{NAME}=x; {NAME}.=x; {NAME}.-1=x; {NAME}.00=x",
        f"{NAME}; {NAME}=1",
    ],
)
def test_only_cookies_of_the_session_are_taken_the_first_of_each_name(header: str) -> None:
    """As the cookie libraries do it."""
    assert cookies.select(header, NAME) == {NAME: "1"}


@pytest.mark.parametrize("length", [0, 5000])
def test_quotes_around_a_value_are_no_part_of_it(length: int) -> None:
    """Some programs' cookie jars put them there, and the old server took them off."""
    browser = written(FORMS[0], with_biography(length))
    for name, value in browser.session.items():
        browser.cookies[name] = f'"{value}"'
    assert refresh_token(browser) == REFRESH
    assert cookies.select(f'{NAME}="', NAME) == {NAME: ""}


def test_values_may_contain_equals_signs() -> None:
    """Some encoders pad."""
    assert cookies.select(f"{NAME}.0=a==; {NAME}.12=b=c", NAME) == {f"{NAME}.0": "a==", f"{NAME}.12": "b=c"}
