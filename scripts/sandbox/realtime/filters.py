"""The filter language of postgres_changes: parse it once, test rows against it; pure (supabase.md 2.3).

`column=op.value`, several joined by commas (AND), `not.` before an operator. Values compare by the column's type,
text by code point. As in SQL a comparison with NULL is neither true nor false, and only true matches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum

import msgspec

from scripts.sandbox.realtime.pgoutput import Cell, Unchanged
from scripts.sandbox.realtime.values import TEXT, Kind, Shape

MAX_IN_VALUES = 100
_BOOLEANS = {
    **dict.fromkeys(("t", "true", "y", "yes", "on", "1"), True),
    **dict.fromkeys(("f", "false", "n", "no", "off", "0"), False),
}


class MalformedFilter(Exception):
    """The text is no filter, or its value is none of the column's type."""


class Operator(Enum):
    """What a condition compares with."""

    EQ = "eq"
    NEQ = "neq"
    LT = "lt"
    LTE = "lte"
    GT = "gt"
    GTE = "gte"
    IN = "in"
    LIKE = "like"
    ILIKE = "ilike"
    IS = "is"
    MATCH = "match"
    IMATCH = "imatch"
    ISDISTINCT = "isdistinct"


UNTYPED = frozenset((Operator.LIKE, Operator.ILIKE, Operator.MATCH, Operator.IMATCH, Operator.IS))
_NAMES = "|".join(sorted((operator.value for operator in Operator), key=len, reverse=True))
_START = re.compile(rf"\s*(?P<column>[^=,\s]+)=(?P<negated>not\.)?(?P<operator>{_NAMES})\.", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One comparison of a column; `values` has one element except for `in`."""

    column: str
    operator: Operator
    values: tuple[str, ...]
    negated: bool = False


def parse(text: str) -> tuple[Condition, ...]:
    """Read a filter; a comma begins a new condition only where one starts, so values may contain commas.

    Raises:
        MalformedFilter: not of the form `column=op.value`, or more than 100 values in a list.

    """
    starts = [start for start in _START.finditer(text) if start.start() == 0 or _separates(text, start.start())]
    if not starts or starts[0].start() != 0:
        raise MalformedFilter(text)
    ends = [start.start() - 1 for start in starts[1:]] + [len(text)]
    return tuple(_condition(start, text[start.end() : end]) for start, end in zip(starts, ends, strict=True))


def _separates(text: str, at: int) -> bool:
    """Tell whether a comma outside quotes and brackets stands right before this place."""
    before = text[:at]
    return before.endswith(",") and before.count('"') % 2 == 0 and before.count("(") <= before.count(")")


def _condition(start: re.Match[str], value: str) -> Condition:
    operator = Operator(start["operator"])
    values = _listed(value) if operator is Operator.IN else (value,)
    if operator is Operator.IS and value not in ("null", "not_null", "true", "false", "unknown"):
        raise MalformedFilter(f"is.{value}")
    if operator in (Operator.MATCH, Operator.IMATCH):
        _posix(value)
    return Condition(column=start["column"], operator=operator, values=values, negated=start["negated"] is not None)


def _listed(value: str) -> tuple[str, ...]:
    if not (value.startswith("(") and value.endswith(")")):
        raise MalformedFilter(f"in.{value}")
    found = re.findall(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,]*))\s*(?:,|$)', value[1:-1])
    values = tuple(re.sub(r"\\(.)", r"\1", quoted) if quoted else plain.strip() for quoted, plain in found)
    values = values[:-1] if values and values[-1] == "" and not value.endswith(",)") else values
    if len(values) > MAX_IN_VALUES:
        raise MalformedFilter(f"in: more than {MAX_IN_VALUES} values")
    return values


def matches(conditions: tuple[Condition, ...], row: Mapping[str, Cell], shapes: Mapping[str, Shape]) -> bool:
    """Tell whether every condition is true of the row; a column that the change does not carry matches nothing."""
    for condition in conditions:
        cell = row.get(condition.column, Unchanged.TOAST)
        if isinstance(cell, Unchanged):
            return False
        verdict = _verdict(condition, cell, shapes.get(condition.column, TEXT))
        if verdict is None or verdict is condition.negated:
            return False
    return True


def _verdict(condition: Condition, cell: str | None, shape: Shape) -> bool | None:
    operator, value = condition.operator, condition.values[0] if condition.values else ""
    if operator is Operator.IS:
        return _is(cell, value, shape)
    if cell is None:
        return True if operator is Operator.ISDISTINCT else None
    if operator in _PATTERNS:
        return _PATTERNS[operator](value).search(cell) is not None
    left = comparable(cell, shape)
    if operator is Operator.IN:
        return any(left == comparable(each, shape) for each in condition.values)
    return _COMPARISONS[operator](left, comparable(value, shape))


def _is(cell: str | None, value: str, shape: Shape) -> bool:
    if value in ("null", "unknown"):
        return cell is None
    if value == "not_null":
        return cell is not None
    return cell is not None and comparable(cell, shape) == (value == "true")


def comparable(text: str, shape: Shape) -> object:
    """Return a value that compares as PostgreSQL would compare it.

    Raises:
        MalformedFilter: the text is no value of that type.

    """
    try:
        return _COMPARABLES.get(shape.kind, str)(text)
    except (ValueError, KeyError, InvalidOperation, msgspec.DecodeError) as error:
        raise MalformedFilter(f"{text!r} as {shape.kind.name.lower()}") from error


def _number(text: str) -> tuple[bool, Decimal]:
    """NaN sorts after everything else and equals itself, unlike Python's."""
    value = Decimal(text)
    return (True, Decimal(0)) if value.is_nan() else (False, value)


def _moment(text: str) -> datetime:
    trimmed = text.strip()
    if trimmed.endswith("BC") or trimmed == "-infinity":
        return datetime.min.replace(tzinfo=UTC)
    if trimmed == "infinity" or re.match(r"\d{5,}-", trimmed):
        return datetime.max.replace(tzinfo=UTC)
    moment = datetime.fromisoformat(trimmed)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _day(text: str) -> date:
    return _moment(text).date()


def _uuid(text: str) -> str:
    return re.sub(r"[{}-]", "", text).lower()


def _like(pattern: str, flags: re.RegexFlag) -> re.Pattern[str]:
    parts = re.findall(r"\\.|.", pattern, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    body = "".join(wild.get(part) or re.escape(part[-1]) for part in parts)
    return re.compile(rf"\A{body}\Z", flags | re.DOTALL)


_CLASSES = {
    "alpha": "a-zA-Z", "digit": "0-9", "alnum": "a-zA-Z0-9", "upper": "A-Z", "lower": "a-z",
    "space": r"\s", "punct": r"!-/:-@\[-`{-~", "xdigit": "0-9A-Fa-f", "word": r"\w",
}  # fmt: skip


def _posix(pattern: str, flags: re.RegexFlag = re.NOFLAG) -> re.Pattern[str]:
    """Compile an ARE as far as Python's engine knows the same: character classes and word ends are translated."""
    translated = re.sub(r"\[:(\w+):\]", lambda found: _CLASSES.get(found[1], ""), pattern)
    try:
        return re.compile(re.sub(r"\\[mMy]", r"\\b", translated), flags)
    except re.error as error:
        raise MalformedFilter(f"regular expression {pattern!r}") from error


_PATTERNS: dict[Operator, Callable[[str], re.Pattern[str]]] = {
    Operator.LIKE: lambda pattern: _like(pattern, re.NOFLAG),
    Operator.ILIKE: lambda pattern: _like(pattern, re.IGNORECASE),
    Operator.MATCH: _posix,
    Operator.IMATCH: lambda pattern: _posix(pattern, re.IGNORECASE),
}
_COMPARISONS: dict[Operator, Callable[..., bool]] = {
    Operator.EQ: lambda left, right: left == right,
    Operator.NEQ: lambda left, right: left != right,
    Operator.LT: lambda left, right: left < right,
    Operator.LTE: lambda left, right: left <= right,
    Operator.GT: lambda left, right: left > right,
    Operator.GTE: lambda left, right: left >= right,
    Operator.ISDISTINCT: lambda left, right: left != right,
}
_COMPARABLES: dict[Kind, Callable[[str], object]] = {
    Kind.NUMBER: _number,
    Kind.BOOLEAN: lambda text: _BOOLEANS[text.strip().lower()],
    Kind.DATE: _day,
    Kind.TIMESTAMP: _moment,
    Kind.TIMESTAMPTZ: _moment,
    Kind.UUID: _uuid,
    Kind.JSON: msgspec.json.decode,
}
