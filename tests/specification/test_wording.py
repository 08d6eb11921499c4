"""What this house writes for itself and for client authors is shown to the latter without what only we can look up."""

from __future__ import annotations

import pytest

from bridge.specification.wording import first_sentence, for_client_authors


@pytest.mark.parametrize(
    ("docstring", "shown"),
    [
        ("List groups.", "List groups."),
        ("List groups (contract F41).", "List groups."),
        ("Join (decision 3); repeat (design decisions 4 and 5).", "Join; repeat."),
        ("Take both shapes (F20).", "Take both shapes."),
        ("Read (not as the original, contract F26).", "Read (not as the original)."),
        ("Order by (created_at, id).", "Order by (created_at, id)."),
        ("One.\n\n    Two goes\n    on.\n    ", "One.\n\nTwo goes on."),
    ],
)
def test_references_are_left_out(docstring: str, shown: str) -> None:
    """In brackets of their own, and at the end of a remark; other brackets stay, lines become paragraphs."""
    assert for_client_authors(docstring) == shown


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("One.", "One"),
        ("One. Two.", "One"),
        ("One, `bridge.rows` too: two.\n\nThree.", "One, `bridge.rows` too: two"),
        ("", ""),
    ],
)
def test_a_list_shows_the_first_sentence(text: str, first: str) -> None:
    """A full stop inside a name ends none."""
    assert first_sentence(text) == first
