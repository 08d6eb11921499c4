"""Other people's text made safe for a terminal, and cut to its width. Pure.

Whatever a message or a name holds, what leaves `plain` cannot move the cursor, change colours or titles, ring, or
turn the direction of the text around it; what is hidden is shown by a sign in its place.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from itertools import accumulate, takewhile
from typing import Final

from prompt_toolkit.utils import get_cwidth

REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"
TAB: Final = "    "
MAX_MARKS: Final = 8
"""Combining marks kept on one letter; more only serve to paint over the lines above."""

_LINE_ENDS: Final = {"\u2028": "\n", "\u2029": "\n", "\x85": "\n", "\x0b": "\n", "\x0c": "\n"}
# Joiners make emoji and several scripts readable; the three marks only lean on their neighbours and are fenced in by
# `isolated`. Every other format character is invisible or turns text around: embeddings, overrides, isolates, tags.
_KEPT_FORMATS: Final = frozenset("\u200c\u200d\u200e\u200f\u061c")
_BLANK_LETTERS: Final = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})
_FIRST_STRONG_ISOLATE: Final = "\u2068"
_POP_ISOLATE: Final = "\u2069"
_ESCAPE_PICTURES: Final = 0x2400


def plain(text: str) -> str:
    """Return the text without anything a terminal would obey; line ends and tabs become \\n and spaces."""
    return "".join(_plain_characters(text.replace("\r\n", "\n")))


def _plain_characters(text: str) -> Iterator[str]:
    marks = 0
    for character in text:
        if character == "\n" or " " <= character <= "~":
            marks = 0
            yield character
            continue
        shown = _shown(character)
        marks = marks + 1 if unicodedata.category(character) in {"Mn", "Me"} else 0
        if marks <= MAX_MARKS:
            yield shown


def _shown(character: str) -> str:
    if character == "\t":
        return TAB
    if character in _LINE_ENDS:
        return _LINE_ENDS[character]
    category = unicodedata.category(character)
    if category == "Cc":
        return _picture(character)
    if category == "Cf":
        return character if character in _KEPT_FORMATS else ""
    if category == "Cs" or _is_noncharacter(character):
        return REPLACEMENT
    return " " if category in {"Zs", "Zl", "Zp"} or character in _BLANK_LETTERS else character


def _picture(control: str) -> str:
    code = ord(control)
    if code < 0x20:
        return chr(_ESCAPE_PICTURES + code)
    return "\N{SYMBOL FOR DELETE}" if code == 0x7F else REPLACEMENT


def _is_noncharacter(character: str) -> bool:
    code = ord(character)
    return code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF


def one_line(text: str, *, columns: int) -> str:
    """Return a name or an excerpt: plain, without line ends, at most so wide."""
    words = " ".join(plain(text).split())
    if width(words) <= columns:
        return words
    ends = accumulate(get_cwidth(character) for character in words)
    kept = sum(1 for _ in takewhile(lambda end: end < columns, ends))
    return words[:kept].rstrip() + "\N{HORIZONTAL ELLIPSIS}"


def width(text: str) -> int:
    """Return how many columns a plain text takes."""
    return get_cwidth(text)


def isolated(text: str) -> str:
    """Fence in text that runs from right to left, so that it cannot reorder what stands beside it on the line."""
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for character in text):
        return f"{_FIRST_STRONG_ISOLATE}{text}{_POP_ISOLATE}"
    return text


def wrapped(text: str, columns: int) -> list[str]:
    """Cut a plain text into lines of at most so many columns, between words where there is a space."""
    return [line for paragraph in text.split("\n") for line in _wrapped_paragraph(paragraph, max(columns, 2))]


def _wrapped_paragraph(paragraph: str, columns: int) -> Iterator[str]:
    line, line_width, last_space = "", 0, 0
    for character in paragraph:
        character_width = get_cwidth(character)
        is_cut = False
        # Twice where the last word is too wide as well; a joined character stays with what it is joined to.
        while line and line_width + character_width > columns and not line.endswith("\u200d"):
            cut = len(line) if character == " " else last_space or len(line)
            yield line[:cut].rstrip(" ")
            line = line[cut:].lstrip(" ")
            line_width, last_space, is_cut = width(line), 0, True
        if is_cut and not line and character == " ":
            continue
        line += character
        line_width += character_width
        if character == " ":
            last_space = len(line)
    yield line
