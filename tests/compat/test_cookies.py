"""Session cookies: every form that is in browsers is read, and what is written has the form that was read."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from msgspec import Raw

from compat import cookies
from compat.cookies import CookieForm, Shape
from tests.compat.browser import NAME, Browser

ACCESS, REFRESH = "header.body.signature", "v7kq2mzx3abc"
SESSION: Mapping[str, object] = {
    "access_token": ACCESS,
    "token_type": "bearer",
    "expires_in": 3600,
    "expires_at": 1_767_229_200,
    "refresh_token": REFRESH,
    "user": {"id": "somebody else's", "user_metadata": {"name": "Zoë 🦊"}, "factors": [{"id": "f"}]},
}
FORMS = [CookieForm(is_base64, shape) for is_base64 in (True, False) for shape in Shape]
PUNCTUATION = "!#$%&'()*+,-./:;<=>?@[]^_`{|}~ \"\\"


def base64url(text: str) -> str:
    """Encode as the library does by default."""
    return "base64-" + base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def compact(value: object) -> str:
    """Write JSON as browsers do."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def as_fields(session: Mapping[str, object]) -> dict[str, Raw]:
    """Return a session as it comes from the Auth server."""
    return {name: Raw(compact(value).encode()) for name, value in session.items()}


def written(form: CookieForm, session: Mapping[str, object] = SESSION, browser: Browser | None = None) -> Browser:
    """Return a browser that was given a session."""
    browser = browser or Browser()
    replaced = cookies.select(browser.header, NAME)
    return browser.take(cookies.write(as_fields(session), form, NAME, replaced, secure=False))


def with_biography(length: int) -> dict[str, object]:
    """Return a session as long as one likes."""
    return {**SESSION, "user": {"user_metadata": {"bio": "x" * length}}}


def refresh_token(browser: Browser) -> str | None:
    """Return the refresh token that the bridge sees in a browser's session."""
    stored = browser.read()
    return None if stored is None else stored.refresh_token


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
