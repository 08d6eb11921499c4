"""Texts as regular expressions in which nothing is special."""

from __future__ import annotations

import pytest

from bridge.store.supabase.patterns import literal_pattern


@pytest.mark.parametrize(
    ("text", "pattern"),
    [("abc 1", "abc[ ]1"), ("100%", "100[%]"), ("Ünï☺", "Ünï☺"), ("", "")],
)
def test_special_characters_stand_in_brackets(text: str, pattern: str) -> None:
    """Letters, digits and whatever is not ASCII stand as they are."""
    assert literal_pattern(text) == pattern


def test_what_is_special_in_brackets_and_quotes_is_called_by_name() -> None:
    """So that neither a quote nor a backslash is left for PostgREST to read."""
    pattern = literal_pattern('\\^"[]')
    names = ["backslash", "circumflex", "quotation-mark", "left-square-bracket", "right-square-bracket"]
    assert pattern == "".join(f"[[.{name}.]]" for name in names)
