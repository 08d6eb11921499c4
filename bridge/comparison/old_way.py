"""The port to what legacy clients ask: PostgREST, as their own user (contract legacy-supabase section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

ROW_CAP: Final = 1000
"""Supabase cuts answers off there, without a word."""

IDS_AT_ONCE: Final = 100
"""Filters are in the URL, which proxies cut off at 8 kB."""

Rows = Sequence[Mapping[str, object]]


class OldWayFailed(Exception):
    """PostgREST or an old endpoint said no; the text is a code or status, which names no row."""


class OldWayUnreachable(Exception):
    """Nobody answers; the text is the kind of failure."""


class OldWay(Protocol):
    """Requests of one person."""

    async def rows(self, table: str, **filters: str) -> Rows:
        """Read rows of a table, as this person sees them.

        Raises:
            OldWayFailed: PostgREST refuses.
            OldWayUnreachable: nobody answers.

        """
        ...

    async def call(self, function: str, **arguments: object) -> Rows:
        """Call a function that returns rows.

        Raises:
            OldWayFailed: it fails, or there is none.
            OldWayUnreachable: nobody answers.

        """
        ...
