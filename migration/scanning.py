"""Goes through tables page by page and asks every check about every page; whatever runs is written down as it goes.

A page is a range of keys that holds so many rows, so a question about it costs the same wherever it is in the table,
and a transaction is over after it. Checks of one table share its pages: the rows are read once for all.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import msgspec
import psycopg
from msgspec import Struct

from bridge.clock import Clock
from bridge.content import ColumnType
from migration.checks.definition import LOOKUPS, Check
from migration.database import Database, failure, is_shutdown
from migration.errors import Interrupted, Refused
from migration.shape import Shape
from migration.state import SAVE_EVERY_SECONDS, RunState

PAGE_ROWS: Final = 5_000
SMALLEST_PAGE_ROWS: Final = 100
BATCH_ROWS: Final = 1_000

# A hash join reads the whole other table for each page: dear, and dearer the larger the database.
_BY_INDEX: Final = ("enable_hashjoin = off", "enable_mergejoin = off", "enable_seqscan = off")
_WHOLE: Final = ("cursor_tuple_fraction = 1",)  # all rows are wanted, not the first ones quickly


class Scan(Struct, frozen=True, kw_only=True):
    """A way through a table, and the checks that share it."""

    name: str
    table: str
    key: str
    whole: bool
    checks: tuple[Check, ...]


class Pace(Struct, frozen=True, kw_only=True):
    """How hard the database is worked."""

    page_rows: int = PAGE_ROWS
    share: float = 0.5
    """The part of the time in which we ask it anything; the rest is pause."""


Found = Callable[[Check, list[str]], None]
"""Takes in the keys that a check has found in a part of its table."""
Moved = Callable[[Scan, int], None]
Save = Callable[[], None]


def scans_of(checks: Iterable[Check]) -> list[Scan]:
    """Put checks together that go through the same table in the same order."""
    grouped: dict[str, list[Check]] = {}
    for check in checks:
        if check.sql is None:
            continue
        name = check.name if check.whole else f"{check.table}.{check.key}"
        grouped.setdefault(name, []).append(check)
    return [
        Scan(name=name, table=found[0].table, key=found[0].key, whole=found[0].whole, checks=tuple(found))
        for name, found in grouped.items()
    ]


class Scanner:
    """Goes through scans; its state is complete after each page."""

    def __init__(self, database: Database, shape: Shape, state: RunState, pace: Pace, clock: Clock) -> None:
        self._found: Found = self._count
        self._database = database
        self._shape = shape
        self._state = state
        self._clock = clock
        self._share = pace.share
        self._page_rows = pace.page_rows
        needed = (one for one in LOOKUPS if one[0] in shape.columns)
        self._by_index = _BY_INDEX if all(shape.is_indexed(*one) for one in needed) else ()
        self._saved_at = clock.monotonic()

    def run(self, scans: Iterable[Scan], save: Save, moved: Moved, found: Found | None = None) -> None:
        """Finish every scan that is not; `save` is called now and then, `moved` after each page.

        Keys are counted, or given to `found`, before the scan moves on: after a kill it may get them once more.
        """
        self._found = found or self._count
        for scan in scans:
            place = self._state.place(scan.name)
            while not place.done:
                began_at = self._clock.monotonic()
                (self._stream if scan.whole else self._page)(scan)
                moved(scan, place.rows)
                self._save_if_due(save)
                time.sleep((self._clock.monotonic() - began_at) * (1 / self._share - 1))

    def _save_if_due(self, save: Save) -> None:
        now = self._clock.monotonic()
        if now - self._saved_at >= SAVE_EVERY_SECONDS:
            try:
                save()
            except Refused as error:  # by now something was looked at, and perhaps changed
                raise Interrupted(f"{error} Make room, and --resume goes on from there.") from error
            self._saved_at = now

    def _page(self, scan: Scan) -> None:
        """Ask all checks about the next page, then move on; on a timeout make pages smaller and ask again."""
        place = self._state.place(scan.name)
        try:
            with self._database.looking(*self._by_index) as connection:
                rows, upto = self._next_page(connection, scan, place.after)
                found = self._answers(connection, scan, place.after, upto) if upto is not None else {}
        except psycopg.errors.QueryCanceled as error:
            self._make_smaller(scan, error)
            return
        for check in scan.checks:
            if found.get(check.name):
                self._found(check, found[check.name])
        place.rows += rows
        place.after = upto or place.after
        place.done = rows < self._page_rows

    def _count(self, check: Check, keys: list[str]) -> None:
        self._state.tally(check.name).add(keys, self._state.sample_size)

    def _make_smaller(self, scan: Scan, error: psycopg.Error) -> None:
        if self._is_smallest:
            self._give_up(scan.checks, error)
            self._state.place(scan.name).done = True
        else:
            self._page_rows //= 2

    @property
    def _is_smallest(self) -> bool:
        return self._page_rows // 2 < SMALLEST_PAGE_ROWS

    def _give_up(self, checks: Iterable[Check], error: psycopg.Error) -> None:
        for check in checks:
            self._state.tally(check.name).failed = failure(error)

    def _next_page(self, connection: psycopg.Connection, scan: Scan, after: str | None) -> tuple[int, str | None]:
        """Return how many rows there are in the next page, and the key of the last one."""
        question = (
            f"with page as materialized (select t.{scan.key} from {scan.table} t where {_beyond(scan, after)}"
            f" order by t.{scan.key} fetch first %(size)s rows with ties)"
            f" select count(*), (select {scan.key}::text from page order by {scan.key} desc limit 1) from page"
        )
        ((rows, upto),) = connection.execute(question.encode(), {"after": after, "size": self._page_rows}).fetchall()
        return rows, upto

    def _answers(
        self, connection: psycopg.Connection, scan: Scan, after: str | None, upto: str
    ) -> Mapping[str, list[str]]:
        """Ask the checks about a page; there are never more answers of one than rows in it."""
        asked = [check for check in scan.checks if not self._state.tally(check.name).failed]
        try:
            return self._union(connection, scan, asked, after, upto)
        except psycopg.Error as error:
            is_slow = isinstance(error, psycopg.errors.QueryCanceled)
            if is_shutdown(error) or (is_slow and not self._is_smallest):
                raise
            if len(asked) == 1:
                self._give_up(asked, error)
                return {}
        # One of them cannot be answered; one after the other tells which.
        found: dict[str, list[str]] = {}
        for check in asked:
            found |= self._answers(connection, msgspec.structs.replace(scan, checks=(check,)), after, upto)
        return found

    def _union(
        self, connection: psycopg.Connection, scan: Scan, asked: Iterable[Check], after: str | None, upto: str
    ) -> Mapping[str, list[str]]:
        """Put all questions into one statement, over rows that are read once."""
        page = f"select * from {scan.table} t where {_beyond(scan, after)} and t.{scan.key} <= %(upto)s"
        questions = " union all ".join(
            f"(select '{check.name}', found.key::text from ({self._sql(check, 'page', 'true')}) as found (key))"
            for check in asked
        )
        found: dict[str, list[str]] = {}
        with connection.transaction():
            values = {"after": after, "upto": upto, "as_of": self._state.as_of}
            for name, key in connection.execute(f"with page as materialized ({page}) {questions}".encode(), values):
                found.setdefault(name, []).append(key)
        return {name: sorted(keys) for name, keys in found.items()}

    def _stream(self, scan: Scan) -> None:
        """Ask one question for the whole table, and take its answer in batches from a cursor on the server."""
        (check,) = scan.checks
        place, tally = self._state.place(scan.name), self._state.tally(check.name)
        values = {"after": place.after, "as_of": self._state.as_of}
        try:
            with self._database.looking(*_WHOLE) as connection, connection.cursor(name="found") as cursor:
                cursor.execute(self._sql(check, scan.table, _beyond(scan, place.after)).encode(), values)
                keys = [str(key) for (key,) in cursor.fetchmany(BATCH_ROWS)]
                while keys:
                    self._found(check, keys)
                    place.after = keys[-1]
                    keys = [str(key) for (key,) in cursor.fetchmany(BATCH_ROWS)]
        except psycopg.Error as error:
            if is_shutdown(error):
                raise
            tally.failed = failure(error)
        place.done = True

    def _sql(self, check: Check, rows: str, page: str) -> str:
        content = "t.encrypted_content"
        as_bytes = f"convert_to({content}, 'UTF8')" if self._shape.content is ColumnType.TEXT else content
        return (check.sql or "").format(rows=rows, page=page, bytes=as_bytes)


def _beyond(scan: Scan, after: str | None) -> str:
    """Return the condition for the part that is not done yet; at first that is everything with a key."""
    return f"t.{scan.key} is not null" if after is None else f"t.{scan.key} > %(after)s"
