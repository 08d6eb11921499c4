"""Filters: the language, and that they decide as PostgreSQL would."""

from __future__ import annotations

from typing import cast

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.sandbox.realtime.filters import (
    Condition,
    MalformedFilter,
    Operator,
    comparable,
    matches,
    parse,
)
from scripts.sandbox.realtime.pgoutput import Cell, Unchanged
from scripts.sandbox.realtime.values import TEXT, Kind, Shape

SHAPES = {
    "n": Shape(Kind.NUMBER),
    "b": Shape(Kind.BOOLEAN),
    "u": Shape(Kind.UUID),
    "at": Shape(Kind.TIMESTAMPTZ),
    "t": TEXT,
}


def passes(text: str, **row: Cell) -> bool:
    """Tell whether a row passes a filter."""
    return matches(parse(text), row, SHAPES)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=eq.1", [Condition(column="a", operator=Operator.EQ, values=("1",))]),
        ("a=not.eq.1", [Condition(column="a", operator=Operator.EQ, values=("1",), negated=True)]),
        ("a=eq.", [Condition(column="a", operator=Operator.EQ, values=("",))]),
        ("a=eq.x.y=z", [Condition(column="a", operator=Operator.EQ, values=("x.y=z",))]),
        ("a=eq.one, two", [Condition(column="a", operator=Operator.EQ, values=("one, two",))]),
        ("a=in.(1, 2,3)", [Condition(column="a", operator=Operator.IN, values=("1", "2", "3"))]),
        ("a=in.()", [Condition(column="a", operator=Operator.IN, values=())]),
        ("a=in.(x,)", [Condition(column="a", operator=Operator.IN, values=("x", ""))]),
        ('a=in.("x,y","q\\"")', [Condition(column="a", operator=Operator.IN, values=("x,y", 'q"'))]),
        (
            "a=gt.1,b=not.in.(2,3), c=is.null",
            [
                Condition(column="a", operator=Operator.GT, values=("1",)),
                Condition(column="b", operator=Operator.IN, values=("2", "3"), negated=True),
                Condition(column="c", operator=Operator.IS, values=("null",)),
            ],
        ),
        (
            "t=in.(a=eq.1,b=eq.2),n=lte.5",
            [
                Condition(column="t", operator=Operator.IN, values=("a=eq.1", "b=eq.2")),
                Condition(column="n", operator=Operator.LTE, values=("5",)),
            ],
        ),
    ],
)
def test_parsing(text: str, expected: list[Condition]) -> None:
    """Commas separate conditions only where one begins; `not.` negates."""
    assert list(parse(text)) == expected


@pytest.mark.parametrize(
    "text",
    ["", "a", "a=1", "a=foo.1", "=eq.1", "a=in.1,2", "a=is.maybe", "a=match.(", ",a=eq.1", f"a=in.({'1,' * 100}1)"],
)
def test_what_is_no_filter_is_malformed(text: str) -> None:
    """Unknown operators, broken lists and expressions, more than a hundred values."""
    with pytest.raises(MalformedFilter):
        parse(text)


@given(st.text(max_size=40))
def test_parsing_never_fails_in_another_way(text: str) -> None:
    """Any text is a filter or malformed."""
    try:
        assert parse(text)
    except MalformedFilter:
        assert True


def test_a_column_the_change_does_not_carry_matches_nothing() -> None:
    """Absent and untouched TOAST values are unknown, whatever is asked of them."""
    assert not passes("t=eq.x")
    assert not passes("t=not.eq.x", t=Unchanged.TOAST)
    assert not passes("t=is.null", t=Unchanged.TOAST)


def test_conditions_are_joined_by_and() -> None:
    """One that fails is enough."""
    assert passes("n=gt.1,n=lt.3", n="2")
    assert not passes("n=gt.1,n=lt.2", n="2")


def test_values_compare_by_type() -> None:
    """Not as text."""
    assert passes("n=eq.1.0", n="1.00")
    assert passes("n=gt.9", n="10")
    assert passes("u=eq.A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", u="a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11")
    assert passes("at=eq.2026-11-22T22:25:14Z", at="2026-11-22 22:25:14+00")
    assert passes("at=lt.2026-11-22T22:25:14+02:00", at="2026-11-22 20:00:00.5+00")
    assert passes("at=lt.infinity,at=gt.-infinity", at="2026-11-22 20:00:00.5+00")
    assert passes("b=is.true,b=eq.true", b="t")
    with pytest.raises(MalformedFilter):
        comparable("x", Shape(Kind.NUMBER))


TYPED_VALUES: list[tuple[str, list[str | None]]] = [
    ("int4", ["1", "2", "10", "-5", None]),
    ("numeric", ["1", "1.00", "2.5", "NaN", None]),
    ("text", ["", "a", "B", "abc", "a_c", "a%c", "10", "9", "x.y", None]),
    ("bool", ["t", "f", None]),
    ("uuid", ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "00000000-0000-0000-0000-000000000001", None]),
    (
        "timestamptz",
        ["2026-11-22 22:25:14.5+00", "2026-11-22 22:25:14+00", "infinity", "0044-03-15 00:00:00+00 BC", None],
    ),
    ("date", ["2026-11-22", "2026-11-23", None]),
    ("timestamp", ["2026-11-22 00:00:00", "2026-11-22 10:00:00.25", None]),
]
SQL_OPERATORS = {
    Operator.EQ: "=",
    Operator.NEQ: "<>",
    Operator.LT: "<",
    Operator.LTE: "<=",
    Operator.GT: ">",
    Operator.GTE: ">=",
    Operator.ISDISTINCT: "is distinct from",
}
PATTERN_OPERATORS = {Operator.LIKE: "like", Operator.ILIKE: "ilike", Operator.MATCH: "~", Operator.IMATCH: "~*"}
PATTERNS = ["a%", "%C", "a_c", r"a\_c", "", "%", "^a", "[[:alpha:]]+$", "B|x", r"\d+", "A.C", r"a\%c"]
SHAPE_OF = {
    "int4": Shape(Kind.NUMBER), "numeric": Shape(Kind.NUMBER), "text": TEXT, "bool": Shape(Kind.BOOLEAN),
    "uuid": Shape(Kind.UUID), "timestamptz": Shape(Kind.TIMESTAMPTZ), "date": Shape(Kind.DATE),
    "timestamp": Shape(Kind.TIMESTAMP),
}  # fmt: skip


async def verdict(
    database: psycopg.AsyncConnection, expression: str, type_name: str, operands: tuple[str | None, str | None]
) -> bool:
    """Let PostgreSQL decide; NULL counts as no."""
    values = f"(select %s::text::{type_name} l, %s::text::{type_name} r) v"
    cursor = await database.execute(f"select coalesce({expression}, false) from {values}", operands)
    return cast("tuple[bool]", await cursor.fetchone())[0]


@pytest.mark.sandbox
@pytest.mark.parametrize(("type_name", "values"), TYPED_VALUES)
async def test_comparisons_agree_with_postgresql(
    database: psycopg.AsyncConnection, type_name: str, values: list[str | None]
) -> None:
    """For every pair of values, every operator and its negation."""
    shapes, subject = {"c": SHAPE_OF[type_name]}, 'l collate "C"' if type_name == "text" else "l"
    for left in values:
        for right in (value for value in values if value is not None):
            for operator, symbol in SQL_OPERATORS.items():
                for negated in (False, True):
                    condition = Condition(column="c", operator=operator, values=(right,), negated=negated)
                    comparison = f"{subject} {symbol} r"
                    expression = f"not ({comparison})" if negated else comparison
                    expected = await verdict(database, expression, type_name, (left, right))
                    assert matches((condition,), {"c": left}, shapes) is expected, (left, condition)


@pytest.mark.sandbox
@pytest.mark.parametrize(("type_name", "values"), TYPED_VALUES)
async def test_lists_agree_with_postgresql(
    database: psycopg.AsyncConnection, type_name: str, values: list[str | None]
) -> None:
    """`in` and `not.in`, for lists of none, one and two values."""
    shapes, known = {"c": SHAPE_OF[type_name]}, tuple(value for value in values if value is not None)
    for left in values:
        for listed in ((), known[:1], known[1:3]):
            for negated in (False, True):
                condition = Condition(column="c", operator=Operator.IN, values=listed, negated=negated)
                comparison = f"l = any (array[{', '.join('%s' for _ in listed)}]::{type_name}[])"
                expression = f"not ({comparison})" if negated else comparison
                cursor = await database.execute(
                    f"select coalesce({expression}, false) from (select %s::text::{type_name} l) v", (*listed, left)
                )
                expected = cast("tuple[bool]", await cursor.fetchone())[0]
                if listed or left is not None:  # NULL in an empty list is false in SQL, unknown here: nobody asks
                    assert matches((condition,), {"c": left}, shapes) is expected, (left, condition)


@pytest.mark.sandbox
async def test_patterns_agree_with_postgresql(database: psycopg.AsyncConnection) -> None:
    """like, ilike and regular expressions, as far as both engines know them."""
    texts = dict(TYPED_VALUES)["text"]
    for text in texts:
        for pattern in PATTERNS:
            for operator, symbol in PATTERN_OPERATORS.items():
                condition = Condition(column="c", operator=operator, values=(pattern,))
                expected = await verdict(database, f"l {symbol} r", "text", (text, pattern))
                assert matches((condition,), {"c": text}, {"c": TEXT}) is expected, (text, condition)


@pytest.mark.sandbox
async def test_is_agrees_with_postgresql(database: psycopg.AsyncConnection) -> None:
    """null, true, false and unknown."""
    for value in ("t", "f", None):
        for word in ("null", "true", "false", "unknown"):
            condition = Condition(column="c", operator=Operator.IS, values=(word,))
            expected = await verdict(database, f"l is {word}", "bool", (value, None))
            assert matches((condition,), {"c": value}, {"c": Shape(Kind.BOOLEAN)}) is expected, (value, word)
    assert passes("t=is.not_null", t="x")
    assert not passes("t=is.true", t=None)
