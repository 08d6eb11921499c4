"""Fills a database by COPY, past triggers and foreign keys, which would mend or refuse what is planted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice

import msgspec
import psycopg

from scripts.sandbox.crowd import defects, defects_of_talk
from scripts.sandbox.crowd.healthy import Crowd, Size
from scripts.sandbox.crowd.ids import Fate
from scripts.sandbox.crowd.rows import COLUMNS, Row, line, tables
from scripts.sandbox.crowd.stage import Stage
from scripts.sandbox.layout import read_layout

LINES_AT_ONCE = 2_000


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was planted: the keys that each check has to find, and nothing else."""

    seed: int
    as_of: datetime
    rows: Mapping[str, int]
    expected: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a crowd is to be like.

    Attributes:
        defects: how many times everything is planted; some checks find two or more each time.
        as_of: the moment that everything is dated from; the same one and the same seed make the same rows.

    """

    size: Size
    seed: int
    as_of: datetime
    defects: int


async def fill(dsn: str, wishes: Wishes, tell: Callable[[str], None] = lambda _: None) -> Manifest:
    """Fill a migrated database whose chat is empty; `dsn` is a superuser's. All of it is one transaction."""
    fate = Fate(wishes.seed)
    async with await psycopg.AsyncConnection.connect(dsn) as connection, connection.cursor() as cursor:
        layout = await read_layout(cursor)
        crowd = Crowd(wishes.size, fate, wishes.as_of, layout).rows()
        stage = Stage(fate, wishes.as_of, layout)
        for plant in (*defects.PLANTS.values(), *defects_of_talk.PLANTS.values()):
            for turn in range(wishes.defects):
                plant(stage, turn)
        await cursor.execute("set local session_replication_role = replica")
        rows: dict[str, int] = {}
        for table in tables(layout):
            rows[table] = await _copy(cursor, table, chain(crowd[table](), stage.rows[table]))
            tell(f"{table}: {rows[table]:,} rows")
    await _analyse(dsn)
    expected = {check: sorted(keys) for check, keys in sorted(stage.expected.items())}
    return Manifest(seed=wishes.seed, as_of=wishes.as_of, rows=rows, expected=expected)


async def _copy(cursor: psycopg.AsyncCursor, table: str, rows: Iterable[Row]) -> int:
    schema = "" if "." in table else "public."
    count = 0
    async with cursor.copy(f"copy {schema}{table} ({COLUMNS[table]}) from stdin".encode()) as copy:
        for lines in _batches(line(row) for row in rows):
            await copy.write("".join(lines))
            count += len(lines)
    return count


def _batches(lines: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(lines, LINES_AT_ONCE)):
        yield batch


async def _analyse(dsn: str) -> None:
    """Let the planner know, as autovacuum would in a while."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        await connection.execute("vacuum analyze")
