"""Which program asks, and in which version: as it says itself, or else by the family of its user agent. Pure."""

from __future__ import annotations

import re
from typing import Final, NamedTuple, Protocol

MAX_CHARACTERS: Final = 40


class Program(NamedTuple):
    """A program; the version may be empty."""

    name: str
    version: str = ""


UNKNOWN: Final = Program("unknown")
OTHER: Final = Program("other")
"""Stands for programs that are too many to be told apart."""

_WORD: Final = r"[A-Za-z0-9][A-Za-z0-9 ._+()@-]*"
_NAME: Final = re.compile(_WORD, re.ASCII)
_SAID: Final = re.compile(rf"({_WORD})(?:/({_WORD}))?", re.ASCII)
_FAMILIES: Final = [
    (family, re.compile(pattern))
    for family, pattern in (
        # The later ones name the earlier ones for compatibility, so the order matters.
        ("Edge", r"Edg(?:e|A|iOS)?/(\d{1,4})"),
        ("Opera", r"OPR/(\d{1,4})"),
        ("Samsung Internet", r"SamsungBrowser/(\d{1,4})"),
        ("Firefox", r"(?:Firefox|FxiOS)/(\d{1,4})"),
        ("Chrome", r"(?:Chrome|CriOS)/(\d{1,4})"),
        ("Safari", r"Version/(\d{1,4})\S* (?:Mobile/\S+ )?Safari/"),
        ("okhttp", r"okhttp/(\d{1,4})"),
        ("CFNetwork", r"CFNetwork/(\d{1,4})"),
        ("Dart", r"Dart/(\d{1,4})"),
        ("curl", r"curl/(\d{1,4})"),
        ("python", r"(?:python-\w+|Python|aiohttp)/(\d{1,4})"),
        ("node", r"(?:node(?:-fetch)?|undici|axios)(?:/(\d{1,4}))?"),
    )
]


class Headers(Protocol):
    """The header fields of a request, by names in any case."""

    def get(self, name: str, default: str, /) -> str:
        """Return the value of a field."""
        ...


def program_of(headers: Headers) -> Program:
    """Return which program sends these headers.

    What it says itself: `X-Client-Name` and `X-Client-Version`, or `X-Client-Info`, in which supabase-js says
    `supabase-js-web/2.39.0`. Else the family of its user agent and the major version.
    """
    name = headers.get("X-Client-Name", "")
    if name:
        return named(name, headers.get("X-Client-Version", ""))
    said = _SAID.match(headers.get("X-Client-Info", ""))
    return named(said[1], said[2] or "") if said else family_of(headers.get("User-Agent", ""))


def named(name: str, version: str) -> Program:
    """Return the program that calls itself so; a name that is none is unknown."""
    return Program(_clean(name), _clean(version)) if _clean(name) else UNKNOWN


def family_of(user_agent: str) -> Program:
    """Return one of a few families, so that strangers cannot make up any number of programs."""
    for family, pattern in _FAMILIES:
        found = pattern.search(user_agent)
        if found:
            return Program(family, found[1] or "")
    return OTHER if user_agent else UNKNOWN


def _clean(text: str) -> str:
    found = _NAME.match(text.strip())
    return found[0][:MAX_CHARACTERS].strip() if found else ""
