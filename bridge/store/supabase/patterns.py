"""Regular expressions of PostgreSQL in which every character stands for itself. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_NAMED: Final[Mapping[str, str]] = {
    "\\": "backslash",
    "^": "circumflex",
    '"': "quotation-mark",
    "[": "left-square-bracket",
    "]": "right-square-bracket",
}


def literal_pattern(text: str) -> str:
    """Return the expression that finds a text anywhere.

    `like` will not do: PostgREST reads `*` as `%` in it. Nor do backslashes: what the quotes of an or-filter leave of
    them depends on who reads it. So special characters stand in brackets, and those that are special there as well are
    called by their names (PostgreSQL, "Bracket Expressions").
    """
    return "".join(map(_literal, text))


def _literal(character: str) -> str:
    if character in _NAMED:
        return f"[[.{_NAMED[character]}.]]"
    return character if character.isalnum() or not character.isascii() else f"[{character}]"
