"""Checks where only PostgREST is to be had: those that filters can express, counted by their keys, page by page."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from msgspec import Struct

from bridge.clock import Clock
from migration.checks import Check
from migration.errors import Interrupted
from migration.project import Rest
from migration.scanning import Pace
from migration.state import Tally

PAGE: Final = 1000
"""Supabase's default cap on rows: a full page is never the end."""

_ABSENT: Final = frozenset({"42P01", "42703", "PGRST200", "PGRST204", "PGRST205"})
NO_FILTERS: Final = "filters of PostgREST cannot ask it; it needs MIGRATION_DATABASE_URL"


class RestTally(Tally):
    """What one check has found, or that there is nothing here that it is about."""

    applies: bool = True


class _Refusal(Struct):
    code: str = ""


class RestChecks:
    """Asks checks one after the other."""

    def __init__(self, rest: Rest, pace: Pace, clock: Clock, as_of: datetime, sample_size: int) -> None:
        self._rest = rest
        self._share = pace.share
        self._clock = clock
        self._sample_size = sample_size
        self._moments = {
            "as_of": as_of,
            "soon": as_of + timedelta(minutes=5),
            "typing": as_of - timedelta(minutes=5),
            "presence": as_of - timedelta(minutes=15),
        }

    def run(self, checks: Iterable[Check], moved: Callable[[Check], None]) -> dict[str, RestTally]:
        """Ask all of them; `moved` is called before each."""
        found: dict[str, RestTally] = {}
        for check in checks:
            moved(check)
            tally = found[check.name] = RestTally()
            if check.rest is None:
                tally.failed = NO_FILTERS
                continue
            for keys in self._pages(check, tally):
                tally.add(keys, self._sample_size)
        return found

    def _pages(self, check: Check, tally: RestTally) -> Iterator[list[str]]:
        query = {"select": check.key, "order": check.key, "limit": str(PAGE), **self._filters(check)}
        keys: list[str] = []
        while not keys or len(keys) == PAGE:
            began_at = self._clock.monotonic()
            answer = self._rest.get(f"/rest/v1/{check.table}", **query)
            if not answer.is_success:
                code = _code(answer.content)
                tally.applies = code not in _ABSENT
                tally.failed = f"PostgREST answers with {answer.status_code} {code}".strip()
                return
            keys = [str(row[check.key]) for row in answer.json()]
            if not keys:
                return
            yield keys
            query[check.key] = f"gt.{keys[-1]}"
            time.sleep((self._clock.monotonic() - began_at) * (1 / self._share - 1))

    def _filters(self, check: Check) -> dict[str, str]:
        moments = {name: moment.isoformat() for name, moment in self._moments.items()}
        # Parsed before the moments are put in: a + in them would be read as a space.
        return {name: text.format(**moments) for name, text in parse_qsl(check.rest or "")}


def _code(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Refusal).code
    except msgspec.DecodeError as error:
        raise Interrupted("The project at SUPABASE_URL answers with something that is not PostgREST's.") from error
