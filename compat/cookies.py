"""Session cookies of @supabase/ssr as text: read in every form that is in browsers, written in the form they had.

supabase.md 1.4, contract legacy-rest section 1. Nothing here is signed or believed: a cookie only carries an access
token, to be verified, and a refresh token, to be shown to the Auth server.
"""

from __future__ import annotations

import binascii
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from enum import Enum
from urllib.parse import quote, unquote_to_bytes, urlsplit

from msgspec import UNSET, DecodeError, Raw, Struct, UnsetType, json

BASE64_PREFIX = "base64-"
MAX_CHUNK_CHARACTERS = 3180
MAX_CHUNKS = 32
MAX_VALUE_CHARACTERS = 64 * 1024
MAX_AGE_SECONDS = 400 * 24 * 3600

_BLANKS = " \t"
_CHUNK_NUMBER = re.compile(r"\.(?:0|[1-9][0-9]*)", re.ASCII)
_REFRESH_TOKEN = re.compile(r"[!-~]{1,1024}", re.ASCII)
_BAD_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_IGNORED_IN_BASE64 = b" \t\r\n="
_FROM_BASE64URL = bytes.maketrans(b"-_+/", b"+/!!")  # the two alphabets differ in these; ! is in neither
_KEPT_BY_ENCODE_URI_COMPONENT = "!*'()"  # beyond what quote() keeps anyway
_CONTINUATION_DIGITS = "89AB"
_NULL = Raw(b"null")

SessionFields = Mapping[str, Raw]
"""What the Auth server issued, field by field, as it wrote them."""


class Shape(Enum):
    """What the JSON in a cookie looks like."""

    WHOLE = "object"
    TOKENS_ONLY = "object without user"
    LIST = "list of tokens"  # @supabase/auth-helpers-sveltekit


class CookieForm(Struct, frozen=True):
    """How a session was written, so that its successor is written alike."""

    is_base64: bool
    shape: Shape


class StoredSession(Struct, frozen=True, kw_only=True):
    """What a browser says its session is; nothing of it is verified."""

    access_token: str
    refresh_token: str | None
    form: CookieForm


class _Object(Struct, frozen=True):
    access_token: str
    refresh_token: str | None = None
    user: Raw | UnsetType = UNSET


class _User(Struct, frozen=True):
    factors: Raw = _NULL


_DECODER = json.Decoder(_Object | list[object])


def default_name(supabase_url: str) -> str:
    """Return the cookie name that supabase-js derives from a project's address (contract F14)."""
    return f"sb-{(urlsplit(supabase_url).hostname or '').partition('.')[0]}-auth-token"


def select(header: str, name: str) -> Mapping[str, str]:
    """Return the cookies of a Cookie header that belong to the session called `name`, still encoded.

    Of two with the same name the first counts, as for the libraries. What only begins alike (`-user`,
    `-code-verifier`) is somebody else's.
    """
    found: dict[str, str] = {}
    for part in header.split(";"):
        key, equals, value = part.partition("=")
        key = key.strip(_BLANKS)
        if equals and key.startswith(name) and _is_of(key, name):
            found.setdefault(key, _unquoted(value.strip(_BLANKS)))
    return found


def read(selected: Mapping[str, str], name: str) -> StoredSession | None:
    """Return the session in these cookies; None if there is none, or one that cannot be read.

    A cookie without number wins over numbered ones; those count up to the first gap. Chunks of different generations
    do not fit together and are no session.
    """
    whole = selected.get(name)
    value = _decoded(whole) if whole else b"".join(map(_decoded, _chunks(selected, name)))
    if not value or len(value) > MAX_VALUE_CHARACTERS:
        return None
    try:
        is_base64 = value.startswith(BASE64_PREFIX.encode())
        return _session(_from_base64(value) if is_base64 else value, is_base64=is_base64)
    except (DecodeError, UnicodeDecodeError, RecursionError, binascii.Error):
        return None


def write(
    fields: SessionFields, form: CookieForm, name: str, replaced: Iterable[str], *, secure: bool
) -> tuple[str, ...]:
    """Return the Set-Cookie headers that put a session into the place of the cookies `replaced`.

    Cookies that are not overwritten are removed, or they would win over the new ones or be taken for a part of them.
    """
    written = values(fields, form, name)
    gone = [key for key in replaced if key not in written]
    return (
        *(_set_cookie(key, "", 0, secure=secure) for key in gone),
        *(_set_cookie(key, value, MAX_AGE_SECONDS, secure=secure) for key, value in written.items()),
    )


def values(fields: SessionFields, form: CookieForm, name: str) -> Mapping[str, str]:
    """Return a session as cookies by name, encoded and, where it is too long for one, in numbered chunks."""
    content = _content(fields, form.shape)
    if form.is_base64:
        encoded = BASE64_PREFIX + urlsafe_b64encode(content).rstrip(b"=").decode()
    else:
        encoded = quote(content, safe=_KEPT_BY_ENCODE_URI_COMPONENT)
    pieces = _pieces(encoded)
    return {name: encoded} if len(pieces) == 1 else {f"{name}.{n}": piece for n, piece in enumerate(pieces)}


def is_usable_refresh_token(token: str) -> bool:
    """Tell whether this can be a refresh token: anything else never gets as far as the Auth server."""
    return _REFRESH_TOKEN.fullmatch(token) is not None


def _is_of(key: str, name: str) -> bool:
    return len(key) == len(name) or _CHUNK_NUMBER.fullmatch(key, len(name)) is not None


def _unquoted(value: str) -> str:
    """Take off the quotes that some programs put around a value (RFC 6265 section 4.1.1), as the old server did."""
    return value[1:-1] if value.startswith('"') else value


def _chunks(selected: Mapping[str, str], name: str) -> Iterable[str]:
    for number in range(MAX_CHUNKS):
        chunk = selected.get(f"{name}.{number}")
        if not chunk:
            return
        yield chunk


def _decoded(value: str) -> bytes:
    """Undo the percent-encoding of one cookie; one that is not right is taken as it is, as by the cookie libraries."""
    text = value.encode(errors="replace")
    return text if b"%" not in text or _BAD_ESCAPE.search(text) else unquote_to_bytes(text)


def _from_base64(value: bytes) -> bytes:
    """Decode what follows the prefix.

    Raises:
        binascii.Error: it is not base64url.

    """
    text = value[len(BASE64_PREFIX) :].translate(_FROM_BASE64URL, _IGNORED_IN_BASE64)
    return binascii.a2b_base64(text + b"=" * (-len(text) % 4), strict_mode=True)


def _session(content: bytes, *, is_base64: bool) -> StoredSession | None:
    stored = _DECODER.decode(content)
    if isinstance(stored, list):
        access, refresh = (*stored, None, None)[:2]
        shape = Shape.LIST
    else:
        access, refresh = stored.access_token, stored.refresh_token
        shape = Shape.TOKENS_ONLY if stored.user is UNSET else Shape.WHOLE
    if not isinstance(access, str) or not access:
        return None
    usable = refresh if isinstance(refresh, str) and is_usable_refresh_token(refresh) else None
    return StoredSession(access_token=access, refresh_token=usable, form=CookieForm(is_base64, shape))


def _content(fields: SessionFields, shape: Shape) -> bytes:
    if shape is Shape.WHOLE:
        return json.encode(fields)
    if shape is Shape.TOKENS_ONLY:
        return json.encode({key: value for key, value in fields.items() if key != "user"})
    tokens = ("access_token", "refresh_token", "provider_token", "provider_refresh_token")
    return json.encode([*(fields.get(token, _NULL) for token in tokens), _factors(fields)])


def _factors(fields: SessionFields) -> Raw:
    try:
        return json.decode(fields.get("user", b""), type=_User).factors
    except DecodeError:
        return _NULL


def _pieces(encoded: str) -> list[str]:
    """Divide an encoded value into cookies exactly where the library does: no escape and no character is cut in two."""
    pieces = []
    while len(encoded) > MAX_CHUNK_CHARACTERS:
        end = MAX_CHUNK_CHARACTERS
        escape = encoded.rfind("%", end - 2, end)
        end = escape if escape >= 0 else end
        while encoded[end] == "%" and encoded[end + 1] in _CONTINUATION_DIGITS:
            end -= 3
        pieces.append(encoded[:end])
        encoded = encoded[end:]
    return [*pieces, encoded]


def _set_cookie(key: str, value: str, max_age: int, *, secure: bool) -> str:
    """Write one header with the attributes of contract legacy-rest section 1."""
    return f"{key}={value}; Max-Age={max_age}; Path=/; SameSite=Lax{'; Secure' if secure else ''}"
