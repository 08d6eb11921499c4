"""The sanitiser: nothing that others write reaches the terminal as anything but text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chat.text import MAX_MARKS, isolated, one_line, plain, width, wrapped

ANYTHING = st.text(st.characters(codec=None))
BIDI_CONTROLS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
NASTY = st.text(
    st.sampled_from("ab \n\r\t\x1b\x9b\x07\x08\x7f\u202e\u2066\u2069\u0301\u200d\u05d0\ud800\U000e0041界🙂")
)


@given(st.one_of(ANYTHING, NASTY))
def test_no_control_character_survives(text: str) -> None:
    """The only control character left is the line end; no direction control is left; it can be written as UTF-8."""
    shown = plain(text)
    assert {c for c in shown if unicodedata.category(c) == "Cc"} <= {"\n"}
    assert BIDI_CONTROLS.isdisjoint(shown)
    assert not any(unicodedata.category(c) in {"Cs", "Zl", "Zp"} for c in shown)
    shown.encode()


@given(st.one_of(ANYTHING, NASTY))
def test_making_plain_twice_changes_nothing_more(text: str) -> None:
    """What is plain stays as it is."""
    assert plain(plain(text)) == plain(text)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_ordinary_text_is_untouched(text: str) -> None:
    """Printable ASCII passes unchanged."""
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;owned\x07", "␛]0;owned␇"),
        ("\x1b[2Jgone", "␛[2Jgone"),
        ("\x9b31m", "�31m"),
        ("a\x08\x7f", "a␈␡"),
        ("one\r\ntwo", "one\ntwo"),
        ("hidden\rshown", "hidden␍shown"),
        ("a\tb", "a    b"),
        ("a\u2028b\x85c\x0bd", "a\nb\nc\nd"),
        ("txt.\u202egpj.exe", "txt.gpj.exe"),
        ("\u2067x\u2069", "x"),
        ("in\u200bvisible\ufeff\u00ad", "invisible"),
        ("\ud83d", "�"),
        ("\ufdd0\uffff", "��"),
        ("a\u3000b\u00a0c\u3164d", "a b c d"),
        ("naïve 界 שלום 👩\u200d💻 ❤\ufe0f", "naïve 界 שלום 👩\u200d💻 ❤\ufe0f"),
    ],
)
def test_known_tricks(text: str, shown: str) -> None:
    """Escape sequences, erasing, hidden and reversed text are shown as signs; real languages are left alone."""
    assert plain(text) == shown


def test_marks_do_not_pile_up() -> None:
    """More combining marks than any script needs are dropped: they would paint over other lines."""
    assert plain("a" + "\u0301" * 500 + "b") == "a" + "\u0301" * MAX_MARKS + "b"


@given(st.one_of(ANYTHING, NASTY), st.integers(1, 40))
def test_a_name_is_one_line_of_limited_width(text: str, columns: int) -> None:
    """Names and excerpts never take more than their columns, nor a second line."""
    shown = one_line(text, columns=columns)
    assert "\n" not in shown
    assert width(shown) <= columns
    assert shown == shown.strip()


@given(st.one_of(ANYTHING, NASTY), st.integers(2, 60))
def test_wrapped_lines_fit_and_lose_nothing(text: str, columns: int) -> None:
    """Each line fits; but for spaces at the cuts, all of the text is there. (Joined emoji may stand out by one.)"""
    shown = plain(text)
    lines = wrapped(shown, columns)
    assert all(width(line) <= columns or "\u200d" in line for line in lines)
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "").replace("\n", "")


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("the quick brown fox", 10, ["the quick", "brown fox"]),
        ("abcdefghij", 4, ["abcd", "efgh", "ij"]),
        ("a\n\nb", 10, ["a", "", "b"]),
        ("界界界", 4, ["界界", "界"]),
        ("    indented", 20, ["    indented"]),
        ("", 5, [""]),
        ("ab  cd", 3, ["ab", "cd"]),
    ],
)
def test_wrapping(text: str, columns: int, lines: list[str]) -> None:
    """Lines are cut between words, words only where they are too long; wide characters count twice."""
    assert wrapped(text, columns) == lines


def test_right_to_left_text_is_fenced_in() -> None:
    """Text from right to left cannot reorder the time and the name beside it; other text is left alone."""
    assert isolated("\u05e9\u05dc") == "\u2068\u05e9\u05dc\u2069"
    assert isolated("hello\u200f") == "\u2068hello\u200f\u2069"
    assert isolated("hello") == "hello"
