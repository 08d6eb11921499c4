"""Whatever a browser has in its cookie jar: the reader finds a session or none, and says nothing else."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw, json

from compat import cookies
from compat.cookies import CookieForm, Shape
from tests.fuzz.trying import thoroughly, tried

NAME = "sb-project-auth-token"
SESSION = {"access_token": "a.b.c", "refresh_token": "v7kq2mzx3abc", "user": {"bio": "\u00e9\U0001f600" * 900}}
FIELDS = {name: Raw(json.encode(value)) for name, value in SESSION.items()}
FORMS = [CookieForm(is_base64=is_base64, shape=shape) for is_base64 in (True, False) for shape in Shape]


def pairs(form: CookieForm) -> list[str]:
    """Return the name=value pairs that a browser would send."""
    return [one.partition(";")[0] for one in cookies.write(FIELDS, form, NAME, [], secure=False)]


@st.composite
def jars(draw: st.DrawFn) -> str:
    """Return a Cookie header: pieces of one or two good sessions, shuffled, damaged, some missing, some twice."""
    kept = draw(st.lists(st.sampled_from([pair for form in draw(forms) for pair in pairs(form)]), max_size=6))
    damaged = [_damaged(draw, pair) if draw(st.booleans()) else pair for pair in kept]
    strange = draw(st.lists(st.text(max_size=30), max_size=2))
    return draw(st.sampled_from(["; ", ";", " ;; "])).join(draw(st.permutations([*damaged, *strange])))


forms = st.lists(st.sampled_from(FORMS), min_size=1, max_size=2)


def _damaged(draw: st.DrawFn, pair: str) -> str:
    start = draw(st.integers(0, len(pair)))
    end = draw(st.integers(start, min(len(pair), start + 40)))
    return (
        pair[:start]
        + draw(st.text(max_size=4) | st.sampled_from(["%", "%zz", "base64-", "=", ".1", "\ud800"]))
        + pair[end:]
    )


@given(jars())
@thoroughly
def test_no_jar_makes_the_reader_fail(header: str) -> None:
    """What it finds has an access token; what it writes back, it reads alike."""
    tried["cookie headers"] += 1
    stored = cookies.read(cookies.select(header, NAME), NAME)
    if stored is None:
        return
    assert stored.access_token
    again = "; ".join(one.partition(";")[0] for one in cookies.write(FIELDS, stored.form, NAME, [], secure=True))
    reread = cookies.read(cookies.select(again, NAME), NAME)
    assert reread is not None
    assert reread.form == stored.form
