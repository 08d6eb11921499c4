"""Values: what PostgreSQL writes becomes the JSON its own `to_jsonb` makes."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import cast

import msgspec
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.sandbox.realtime.catalogue import Catalogue
from scripts.sandbox.realtime.database import Database
from scripts.sandbox.realtime.values import TEXT, Kind, Shape, TypeRow, shape_of, to_json

TIMESTAMPTZ = Shape(Kind.TIMESTAMPTZ)


def shown(text: str | None, shape: Shape) -> object:
    """Return what a client reads."""
    return json.loads(msgspec.json.encode(to_json(text, shape)))


def exact(text: str | None, shape: Shape) -> object:
    """Return what a client reads, with every digit."""
    return json.loads(msgspec.json.encode(to_json(text, shape)), parse_int=Decimal, parse_float=Decimal)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22 22:25:14.893063+00", "2026-11-22T22:25:14.893063+00:00"),
        ("2026-11-22 22:25:14+00", "2026-11-22T22:25:14+00:00"),
        ("2026-11-22 22:25:14.5+05:30", "2026-11-22T22:25:14.5+05:30"),
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("0044-03-15 00:00:00+00 BC", "0044-03-15T00:00:00+00:00 BC"),
    ],
)
def test_timestamps_look_as_recorded(text: str, expected: str) -> None:
    """ISO 8601 with a colon in the zone and no fraction when it is zero."""
    assert shown(text, TIMESTAMPTZ) == expected


def test_numbers_keep_their_digits() -> None:
    """Trailing zeros and integers above 2^53 arrive as written."""
    assert msgspec.json.encode(to_json("1.50", Shape(Kind.NUMBER))) == b"1.50"
    assert msgspec.json.encode(to_json("9223372036854775807", Shape(Kind.NUMBER))) == b"9223372036854775807"
    assert shown("NaN", Shape(Kind.NUMBER)) == "NaN"


def test_null_is_null_in_every_shape() -> None:
    """Whatever the type."""
    assert all(to_json(None, Shape(kind)) is None for kind in Kind)


def test_shapes_follow_domains_and_arrays() -> None:
    """A domain is its base type, an array one of its element's, an unknown type text."""
    types = {
        1: TypeRow(oid=1, name="posint", base_oid=23, element_oid=0, delimiter=","),
        2: TypeRow(oid=2, name="_posint", base_oid=0, element_oid=1, delimiter=","),
        3: TypeRow(oid=3, name="mood", base_oid=0, element_oid=0, delimiter=","),
    }
    assert shape_of(1, types) == Shape(Kind.NUMBER)
    assert shape_of(2, types) == Shape(Kind.ARRAY, Shape(Kind.NUMBER))
    assert shape_of(3, types) == TEXT
    assert shape_of(4, types) == TEXT


def quoted(elements: list[str | None]) -> str:
    """Write an array literal, everything quoted."""
    parts = ("NULL" if each is None else '"' + each.replace("\\", r"\\").replace('"', r"\"") + '"' for each in elements)
    return "{" + ",".join(parts) + "}"


@given(st.lists(st.none() | st.text()))
def test_text_arrays_survive_quoting(elements: list[str | None]) -> None:
    """Quotes, commas, braces, backslashes and the word NULL are just text inside quotes."""
    assert to_json(quoted(elements), Shape(Kind.ARRAY, TEXT)) == elements


def test_what_is_no_array_literal_stays_text() -> None:
    """Better shown as it is than lost."""
    assert to_json("1 2", Shape(Kind.ARRAY, TEXT)) == "1 2"


SAMPLES = [
    ("int2", ["-32768", "7"]),
    ("int4", ["0", "2147483647"]),
    ("int8", ["9007199254740993", "-1"]),
    ("numeric", ["1.50", "1e10", "0.000000001", "NaN", "Infinity"]),
    ("numeric(10,2)", ["12.3"]),
    ("float4", ["1.5", "3e20", "-Infinity"]),
    ("float8", ["0.1", "1e300", "1e-300", "NaN", "-0"]),
    ("bool", ["true", "false"]),
    ("text", ["", "plain", "\"quoted\" \\ 'and' \n\t\u20ac\U0001f600"]),
    ("varchar(5)", ["abc"]),
    ("char(5)", ["abc"]),
    ("name", ["pg_class"]),
    ('"char"', ["x"]),
    ("uuid", ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"]),
    ("bytea", ["\\x00ff10", "\\x"]),
    ("json", ['{"b": 1, "a": [1.50, null]}']),
    ("jsonb", ['{"b": 1, "a": [1.50, null], "n": 12345678901234567890}', "null", '"text"', "[]"]),
    ("date", ["2026-11-22", "infinity", "0044-03-15 BC"]),
    ("time", ["22:25:14.893"]),
    ("timetz", ["22:25:14.893+02"]),
    ("timestamp", ["2026-11-22 22:25:14.893063", "2026-11-22", "infinity"]),
    ("timestamptz", ["2026-11-22 22:25:14.89+05:30", "2026-11-22 00:00:00+00", "-infinity", "12026-01-01 00:00:00+00"]),
    ("interval", ["1 year 2 days 03:04:05.6"]),
    ("inet", ["10.0.0.1/8"]),
    ("oid", ["123"]),
    ("point", ["(1,2)"]),
    ("int4range", ["[1,5)"]),
    ("tsvector", ["a b c"]),
    ("int4[]", ["{1,NULL,3}", "{}", "{{1,2},{3,4}}", "[0:1]={5,6}"]),
    ("text[]", ['{plain,"with, comma","q\\"uote",NULL,"NULL","{brace}",""}']),
    ("bool[]", ["{t,f,NULL}"]),
    ("timestamptz[]", ['{"2026-11-22 22:25:14.893+00",NULL}']),
    ("jsonb[]", ['{"{\\"a\\": 1}","[1, 2]"}']),
    ("numeric[]", ["{1.50,NaN}"]),
    ("uuid[]", ["{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}"]),
    ("box[]", ["{(1,1),(0,0);(2,2),(1,1)}"]),
    ("mood", ["good"]),
    ("mood[]", ["{good,bad}"]),
    ("positive", ["5"]),
    ("positive[]", ["{5,6}"]),
]


@pytest.mark.sandbox
async def test_every_type_is_shown_as_to_jsonb_shows_it(dsn: str, database: psycopg.AsyncConnection) -> None:
    """The real server casts with to_jsonb; so PostgreSQL itself is the judge, type by type."""
    await database.execute("set timezone to 'UTC'; set extra_float_digits to 1")
    await database.execute("create type mood as enum ('good', 'bad'); create domain positive as int check (value > 0)")
    reader = Database(dsn, name="test")
    try:
        for type_name, values in SAMPLES:
            await database.execute(f"create table sample (id int primary key, value {type_name})")
            oid = cast("int", (await reader.rows("select 'sample'::regclass::oid::int8"))[0][0])
            table = await Catalogue(reader).table_by_oid(oid, "public", "sample")
            assert table is not None
            for value in values:
                await database.execute("truncate sample")
                await database.execute(f"insert into sample values (1, %s::text::{type_name})", (value,))
                cursor = await database.execute(
                    "select format('%s', value), to_jsonb(value)::text from sample", prepare=False
                )
                row = await cursor.fetchone()
                text, expected = cast("tuple[str, str]", row)
                assert exact(text, table.shapes["value"]) == json.loads(
                    expected, parse_int=Decimal, parse_float=Decimal
                ), (
                    type_name,
                    value,
                )
            await database.execute("drop table sample")
    finally:
        await reader.close()
        await database.execute("drop domain positive; drop type mood")
