"""Comparing answers: what counts as a difference, and what is declared."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from bridge.comparison.answers import ORDER, ROW, Answer, Declared
from bridge.comparison.differing import Difference, Verdict, compare, flat

ANYTHING = Declared(name="anything", why="For tests.", covers=lambda _: True)


def answer(moment: str | None = None, /, **rows: Mapping[str, object]) -> Answer:
    """Return an answer."""
    return Answer(rows=rows, moment=moment)


def both(key: str, field: str) -> Verdict:
    """Return the verdict that one field differs."""
    return Verdict(differences=(Difference(key=key, field=field, where="both"),))


def test_equal_answers_match() -> None:
    """Whatever the new one says besides."""
    assert compare(answer(a={"x": 1}), answer(a={"x": 1, "y": 2})) == Verdict()


@pytest.mark.parametrize("new", [{"x": 2}, {"x": None}, {}, {"x": "1"}])
def test_another_value_is_a_difference(new: dict[str, object]) -> None:
    """And so is none."""
    assert compare(answer(a={"x": 1}), answer(a=new)) == both("a", "x")


def test_a_row_on_one_side_only_is_one_difference() -> None:
    """It says on which."""
    found = compare(answer(a={"x": 1, "y": 1}), answer(b={"x": 1}))
    assert found.differences == (
        Difference(key="a", field=ROW, where="old"),
        Difference(key="b", field=ROW, where="new"),
    )


@pytest.mark.parametrize(
    "printed",
    ["2026-11-23T08:59:30Z", "2026-11-23 08:59:30+00", "2026-11-23T09:59:30.000+01:00", "2026-11-23T08:59:30"],
)
def test_moments_may_be_printed_in_any_way(printed: str) -> None:
    """In fields that hold one; elsewhere a text is a text."""
    told = "2026-11-23T08:59:30+00:00"
    assert compare(answer(a={"sent_at": told}), answer(a={"sent_at": printed})).is_match
    assert not compare(answer(a={"content": told}), answer(a={"content": printed})).is_match


def test_the_order_counts_where_it_is_one() -> None:
    """Rows of one moment may stand in any order."""
    early, late = {"at_at": "2026-11-23T08:00:00Z"}, {"at_at": "2026-11-23T09:00:00Z"}
    old = answer("at_at", a=early, b=late)
    assert compare(old, answer("at_at", b=late, a=early)) == both("", ORDER)
    assert compare(answer(a=early, b=late), answer(b=late, a=early)).is_match
    assert compare(answer("at_at", a=early, b=early), answer("at_at", b=early, a=early)).is_match


def test_what_is_declared_is_told_apart() -> None:
    """It is no difference, and is named once."""
    found = compare(answer(a={"x": 1, "y": 1}), answer(a={"x": 2, "y": 2}), [ANYTHING])
    assert found == Verdict(declared=("anything",))
    assert compare(answer(a={"x": 1}), answer(a={"x": 1}), [ANYTHING]) == Verdict()


def test_embedded_rows_are_fields() -> None:
    """So that a difference names them; one that is not there is absent."""
    assert flat({"id": "a", "sender": {"username": "bob"}, "reply_to": None, "metadata": {"x": 1}}) == {
        "id": "a",
        "sender.username": "bob",
        "metadata": {"x": 1},
    }
