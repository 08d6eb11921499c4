"""PostgreSQL's text form of a value to the JSON that Realtime shows, by type; pure.

The real server casts with `to_jsonb`, so its rules are these: numbers and booleans are JSON, json and jsonb are
themselves, dates and times are ISO 8601, arrays are arrays, everything else is text (supabase.md 2.4, recorded).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

import msgspec

_JSON_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_ZONE = re.compile(r"([+-]\d\d)(:\d\d)?(:\d\d)?( BC)?$")
_BOUNDS = re.compile(r"^(\[-?\d+:-?\d+\])+=")


class Kind(Enum):
    """How values of a type are shown and compared."""

    NUMBER = auto()
    BOOLEAN = auto()
    JSON = auto()
    DATE = auto()
    TIMESTAMP = auto()
    TIMESTAMPTZ = auto()
    UUID = auto()
    TEXT = auto()
    ARRAY = auto()


@dataclass(frozen=True, slots=True)
class Shape:
    """A type as far as showing and comparing its values goes."""

    kind: Kind
    element: Shape | None = None
    delimiter: str = ","


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeRow:
    """What pg_type says of one type: base type of a domain, element of a true array."""

    oid: int
    name: str
    base_oid: int
    element_oid: int
    delimiter: str


TEXT = Shape(Kind.TEXT)
_KIND_BY_OID = {
    16: Kind.BOOLEAN,
    20: Kind.NUMBER,  # int8
    21: Kind.NUMBER,  # int2
    23: Kind.NUMBER,  # int4
    700: Kind.NUMBER,  # float4
    701: Kind.NUMBER,  # float8
    1700: Kind.NUMBER,  # numeric
    114: Kind.JSON,
    3802: Kind.JSON,  # jsonb
    1082: Kind.DATE,
    1114: Kind.TIMESTAMP,
    1184: Kind.TIMESTAMPTZ,
    2950: Kind.UUID,
}


def shape_of(oid: int, types: Mapping[int, TypeRow]) -> Shape:
    """Resolve domains and arrays down to what decides the form; an unknown or composite type is text."""
    kind = _KIND_BY_OID.get(oid)
    if kind is not None:
        return Shape(kind)
    row = types.get(oid)
    if row is None:
        return TEXT
    if row.base_oid:
        return shape_of(row.base_oid, types)
    if row.element_oid:
        return Shape(Kind.ARRAY, shape_of(row.element_oid, types), row.delimiter)
    return TEXT


def to_json(text: str | None, shape: Shape) -> object:
    """Return a JSON-able value; numbers and jsonb stay the very digits PostgreSQL wrote (msgspec.Raw)."""
    if text is None:
        return None
    match shape.kind:
        case Kind.NUMBER:
            return msgspec.Raw(text.encode()) if _JSON_NUMBER.fullmatch(text) else text  # NaN, Infinity
        case Kind.BOOLEAN:
            return text == "t"
        case Kind.JSON:
            return msgspec.Raw(text.encode())
        case Kind.TIMESTAMP | Kind.TIMESTAMPTZ:
            return _iso(text, shape.kind)
        case Kind.ARRAY:
            return _array(text, shape)
        case _:
            return text


def _iso(text: str, kind: Kind) -> str:
    joined = text.replace(" ", "T", 1)
    if kind is Kind.TIMESTAMP or "infinity" in text:
        return joined
    return _ZONE.sub(lambda zone: f"{zone[1]}{zone[2] or ':00'}{zone[4] or ''}", joined)


def _array(text: str, shape: Shape) -> object:
    tokens = _tokens(_BOUNDS.sub("", text), shape.delimiter)
    if next(tokens, None) != ("{", False):
        return text
    return _elements(tokens, shape)


def _elements(tokens: Iterator[tuple[str, bool]], shape: Shape) -> list[object]:
    found: list[object] = []
    element = shape.element or TEXT
    for token, quoted in tokens:
        if not quoted and token == "{":
            found.append(_elements(tokens, shape))
        elif not quoted and token == "}":
            return found
        elif not quoted and token.upper() == "NULL":
            found.append(None)
        else:
            found.append(to_json(token, element))
    return found


def _tokens(text: str, delimiter: str) -> Iterator[tuple[str, bool]]:
    """Split an array literal into braces and values; the flag says that a value was quoted."""
    special = re.escape(delimiter)
    pattern = re.compile(rf'([{{}}])|"((?:[^"\\]|\\.)*)"|((?:[^"\\{{}}{special}]|\\.)+)|{special}', re.DOTALL)
    for match in pattern.finditer(text):
        brace, quoted, plain = match.groups()
        if brace is not None:
            yield brace, False
        elif quoted is not None:
            yield re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL), True
        elif plain is not None:
            yield re.sub(r"\\(.)", r"\1", plain, flags=re.DOTALL), False
