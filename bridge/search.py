"""Which people a search finds, best first, with the old endpoint's points (contract legacy-rest section 3.6). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from bridge.models import User

MAX_FETCHED: Final = 50
MAX_FOUND: Final = 10


class _Points(NamedTuple):
    equal: int
    prefix: int
    contains: int


_USERNAME: Final = _Points(100, 70, 30)
_DISPLAY_NAME: Final = _Points(90, 60, 25)
_PHONE_NUMBER: Final = _Points(80, 50, 20)
_WORD_EQUAL: Final = 80
_WORD_PREFIX: Final = 40


def best_matches(users: Iterable[User], query: str) -> list[User]:
    """Return the best, best first; `query` is trimmed and in lower case."""
    scored = [(score(user, query), user) for user in users]
    found = sorted((one for one in scored if one[0] > 0), key=lambda one: -one[0])
    return [user for _, user in found[:MAX_FOUND]]


def score(user: User, query: str) -> int:
    """Return the points of a person; all that match add up, so whoever is equal also begins with it and contains it."""
    fields = (
        (user.username, _USERNAME),
        (user.display_name, _DISPLAY_NAME),
        (user.phone_number, _PHONE_NUMBER),
    )
    words = user.display_name.lower().split(" ")
    return sum(_match(text.lower(), query, points) for text, points in fields) + sum(
        _match_word(word, query) for word in words
    )


def masked(phone_number: str) -> str | None:
    """Return what strangers may see of a phone number."""
    return f"***-***-{phone_number[-4:]}" if phone_number else None


def _match(text: str, query: str, points: _Points) -> int:
    kinds = (text == query, text.startswith(query), query in text)
    return sum(number for is_so, number in zip(kinds, points, strict=True) if is_so)


def _match_word(word: str, query: str) -> int:
    return _WORD_EQUAL * (word == query) + _WORD_PREFIX * word.startswith(query)
