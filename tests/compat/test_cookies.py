"""Session cookies: every form that is in browsers is read, and what is written has the form that was read."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from compat import cookies
from compat.cookies import CookieForm, Shape
from tests.compat.browser import NAME, Browser
from tests.compat.stored_sessions import (
    ACCESS,
    FORMS,
    REFRESH,
    SESSION,
    as_fields,
    base64url,
    compact,
    refresh_token,
    with_biography,
    written,
)

PUNCTUATION = "!#$%&'()*+,-./:;<=>?@[]^_`{|}~ \"\\"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://abcdefgh.supabase.co", "sb-abcdefgh-auth-token"),
        ("https://ijklmnop.supabase.co", "sb-ijklmnop-auth-token"),
        ("http://127.0.0.1:54321", "sb-127-auth-token"),
        ("http://localhost:8000/path", "sb-localhost-auth-token"),
        ("https://Db.Example.org", "sb-db-auth-token"),
    ],
)
def test_the_name_follows_from_the_projects_address(url: str, name: str) -> None:
    """As supabase-js derives it; two projects never share a name (contract F14)."""
    assert cookies.default_name(url) == name


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("length", [0, 9_000])
def test_a_session_is_read_as_it_was_written(form: CookieForm, length: int) -> None:
    """In each encoding and shape, in one cookie or in several."""
    stored = written(form, with_biography(length)).read()
    assert stored is not None
    assert (stored.access_token, stored.refresh_token, stored.form) == (ACCESS, REFRESH, form)


def test_the_usual_form_is_base64url_of_json_without_padding() -> None:
    """Contract legacy-rest section 1."""
    value = written(CookieForm(is_base64=True, shape=Shape.WHOLE)).session[NAME]
    text = value.removeprefix("base64-")
    assert text != value
    assert json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))) == SESSION
    assert "=" not in text


def test_the_raw_form_is_percent_encoded_json() -> None:
    """As older versions write it, and browsers show it."""
    value = written(CookieForm(is_base64=False, shape=Shape.WHOLE)).session[NAME]
    assert value == quote(compact(SESSION), safe="!*'()~")


def test_tokens_only_leaves_the_user_out() -> None:
    """Whoever chose that has the user elsewhere; nothing else is missing."""
    value = written(CookieForm(is_base64=True, shape=Shape.TOKENS_ONLY)).session[NAME]
    content = json.loads(base64.urlsafe_b64decode(value.removeprefix("base64-") + "=="))
    assert content == {name: told for name, told in SESSION.items() if name != "user"}


@pytest.mark.parametrize(
    ("session", "tokens"),
    [
        (SESSION, [ACCESS, REFRESH, None, None, [{"id": "f"}]]),
        ({**SESSION, "provider_token": "p", "user": {}}, [ACCESS, REFRESH, "p", None, None]),
        ({**SESSION, "provider_refresh_token": "q", "user": None}, [ACCESS, REFRESH, None, "q", None]),
        ({"access_token": ACCESS, "refresh_token": REFRESH}, [ACCESS, REFRESH, None, None, None]),
    ],
)
def test_a_list_of_tokens_stays_one(session: Mapping[str, object], tokens: list[object]) -> None:
    """The form of @supabase/auth-helpers-sveltekit: two tokens, two of the provider, the factors."""
    value = written(CookieForm(is_base64=False, shape=Shape.LIST), session).session[NAME]
    assert value == quote(compact(tokens))


@pytest.mark.parametrize("secure", [True, False])
def test_the_attributes_are_those_of_the_library(*, secure: bool) -> None:
    """Path=/, SameSite=Lax, 400 days, readable by scripts: the app's pages take their token from there."""
    form = CookieForm(is_base64=True, shape=Shape.LIST)
    (header,) = cookies.write(as_fields(SESSION), form, NAME, [], secure=secure)
    assert header.split("; ")[1:] == ["Max-Age=34560000", "Path=/", "SameSite=Lax", *(["Secure"] if secure else [])]


def test_a_session_that_grew_leaves_no_cookie_of_the_old_one() -> None:
    """A cookie without number would win over the new ones."""
    form = CookieForm(is_base64=True, shape=Shape.WHOLE)
    browser = written(form, {**with_biography(9_000), "refresh_token": "new"}, written(form))
    assert NAME not in browser.session
    assert refresh_token(browser) == "new"


def test_a_session_that_shrank_leaves_no_chunk_behind() -> None:
    """Not even beyond a gap, where a later session would grow into it; other cookies are not touched."""
    form = CookieForm(is_base64=True, shape=Shape.WHOLE)
    others = {f"{NAME}-user": "x", f"{NAME}-code-verifier": "x", f"{NAME}.01": "x", f"{NAME}.x": "x", "other": "x"}
    browser = written(form, with_biography(9_000), Browser(**{f"{NAME}.17": "stale"}, **others))
    assert f"{NAME}.17" not in browser.session
    assert written(form, SESSION, browser).session.keys() == {NAME, *others}


def test_removed_cookies_are_removed_where_they_were_set() -> None:
    """A browser only gives up a cookie of the same path."""
    form = CookieForm(is_base64=True, shape=Shape.WHOLE)
    removed, _ = cookies.write(as_fields(SESSION), form, NAME, [f"{NAME}.0"], secure=True)
    assert removed == f"{NAME}.0=; Max-Age=0; Path=/; SameSite=Lax; Secure"


texts = st.text(st.characters(codec="utf-8"), max_size=60)
long_texts = st.builds(lambda one, times: one * times, texts, st.integers(0, 100))
"""Up to what a server's limit for headers would let pass; MAX_VALUE_CHARACTERS is beyond that."""


@given(form=st.sampled_from(FORMS), text=long_texts, token=st.text(PUNCTUATION + "aé", min_size=1, max_size=2000))
def test_every_session_survives_the_way_there_and_back(form: CookieForm, text: str, token: str) -> None:
    """Whatever is in the user's metadata; no cookie is too long, and no escape or character is cut in two."""
    session = {**SESSION, "access_token": token, "user": {"factors": text}}
    browser = written(form, session)
    stored = browser.read()
    assert stored is not None
    assert (stored.access_token, stored.refresh_token, stored.form) == (token, REFRESH, form)
    for value in browser.session.values():
        assert len(value) <= cookies.MAX_CHUNK_CHARACTERS
        assert quote(cookies._decoded(value).decode(), safe="!*'()~") == value


header_like = st.lists(
    st.tuples(
        st.sampled_from([NAME, f"{NAME}.0", f"{NAME}.1", "x"]),
        st.text(st.sampled_from("base64-{}[]\"',:%0aAfF=; \x00\xff\ud800"), max_size=40) | st.just("base64-"),
    ),
    max_size=8,
).map(lambda pairs: "; ".join(f"{name}={value}" for name, value in pairs))


@given(header=st.text() | header_like)
@example(f"{NAME}=base64-%")
@example(f"{NAME}=\ud800")
@example(f"{NAME}=base64-" + base64url('{"access_token":"\\ud83d"}')[7:])
def test_no_header_makes_the_reader_fail(header: str) -> None:
    """Cookies are anybody's to write."""
    stored = cookies.read(cookies.select(header, NAME), NAME)
    assert stored is None or stored.access_token


@given(content=st.binary(max_size=80) | st.text(max_size=80).map(str.encode))
def test_no_content_makes_the_reader_fail(content: bytes) -> None:
    """Well encoded nonsense is nonsense too."""
    stored = cookies.read({NAME: "base64-" + base64.urlsafe_b64encode(content).decode()}, NAME)
    assert stored is None or stored.access_token
