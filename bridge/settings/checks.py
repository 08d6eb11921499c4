"""What values of settings have to look like.

Each check raises ValueError with how the sentence goes on after the variable.
"""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import urlsplit

from pydantic import SecretStr

_COOKIE_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", re.ASCII)  # RFC 9110, token

SHORTEST_TOKEN: Final = 16

_ORIGIN: Final = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?")
"""As browsers send it: scheme, host and perhaps port, in small letters (RFC 6454, section 6.2)."""


def listed(origins: str) -> frozenset[str]:
    """Return the origins of a list with commas."""
    return frozenset(origin.strip().rstrip("/") for origin in origins.split(",") if origin.strip())


def check_web_address(value: str) -> None:
    """Refuse anything but the address of a project."""
    if not _is_plain_web_address(value):
        raise ValueError("must be an address like https://project.supabase.co")


def check_fits_into_a_header(key: SecretStr) -> None:
    """Refuse a key that no HTTP header can carry."""
    text = key.get_secret_value()
    if not text or not all("!" <= character <= "~" for character in text):
        raise ValueError("must be a key of ASCII characters without spaces")


def check_secret_key(key: SecretStr) -> None:
    """Refuse a key that everybody may know."""
    check_fits_into_a_header(key)
    if key.get_secret_value().startswith("sb_publishable_"):
        raise ValueError("is a publishable key; the bridge needs the secret (or service_role) key")


def check_hard_to_guess(token: SecretStr) -> None:
    """Refuse a token that is short."""
    check_fits_into_a_header(token)
    if len(token.get_secret_value()) < SHORTEST_TOKEN:
        raise ValueError(f"must have {SHORTEST_TOKEN} characters or more")


def check_cookie_name(value: str) -> None:
    """Refuse a name that no cookie can have."""
    if not _COOKIE_NAME.fullmatch(value):
        raise ValueError("must be a cookie name")


def check_origins(value: str) -> None:
    """Refuse a list with something that no browser sends."""
    if not all(one == "*" or _ORIGIN.fullmatch(one) for one in listed(value)):
        raise ValueError("must be * or origins like https://chat.example.org, separated by commas")


def _is_plain_web_address(value: str) -> bool:
    """Tell whether this is scheme, host and perhaps port and path, and nothing that fails or leaks later."""
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018  # reading it is what checks it
    except ValueError:
        return False
    is_clean = not any(character.isspace() for character in value) and "@" not in parts.netloc
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and is_clean
