"""Sessions as browsers keep them, in every form."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

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
