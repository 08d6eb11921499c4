"""Executing a query of supabase-py: rows decoded at the edge, every failure a StoreError."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence, Set
from typing import TypeVar

import httpx
import msgspec
import structlog
from postgrest.exceptions import APIError

from bridge.errors import StoreDown, StoreError, StoreRefused, StoreUnreadable
from bridge.schema import NEEDED, Schema
from bridge.store.supabase.attempts import PASSING_CODES, Query, answer_of, is_of_the_way

PAGE = 1000
"""Rows per answer at most: Supabase's default cap truncates silently, so a full page is never the end."""

PROFILE = "id,username,display_name,avatar_url"
SENDER = f"sender:users!messages_sender_id_fkey({PROFILE})"
MESSAGE = ",".join(NEEDED["messages"])
QUOTE = "id,conversation_id,sender_id,encrypted_content"

CONVERSATION = ",".join(NEEDED["conversations"])
IDS_IN_A_URL = 50
"""Filters are in the URL; with each id named twice this stays below 4 kB, which every proxy lets pass."""

_TOO_LONG = "57014"
"""The database ended the statement: it may work another time, but not a moment later."""

log = structlog.get_logger(__name__)

R = TypeVar("R")


def message_columns(schema: Schema) -> str:
    """Return the columns of messages that this database has, as a select list."""
    later = {"content_type": schema.has_content_type, "has_attachments": schema.has_attachments}
    return ",".join([MESSAGE, *(name for name, is_there in later.items() if is_there)])


def in_chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Divide ids into parts that fit into a URL."""
    for start in range(0, len(ids), IDS_IN_A_URL):
        yield ids[start : start + IDS_IN_A_URL]


async def rows(query: Query, kind: type[R], *, expected: Set[str] = frozenset(), repeatable: bool = False) -> list[R]:
    """Execute and decode; every way it can fail becomes a StoreError without the row's contents.

    A refusal with a code that is `expected` is an answer like any other; the rest is worth a line in the log.
    Questions, and writes that are `repeatable`, are sent again if they fail in passing.

    Raises:
        StoreRefused: the database or PostgREST said no.
        StoreDown: nobody answered, or not with rows.
        StoreUnreadable: one of the rows has not the form expected, or no parser reads it.

    """
    try:
        answer = await answer_of(query, repeatable=repeatable)
    except APIError as error:
        failure = _store_error(error)
        if isinstance(failure, StoreRefused) and failure.sqlstate not in expected:
            log.warning("store.refused", code=failure.sqlstate, hint=error.hint)
        raise failure from error
    except (httpx.HTTPError, OSError, TimeoutError) as error:
        raise StoreDown(type(error).__name__) from error
    except (ValueError, RecursionError) as error:
        # Anybody may write metadata with a number of thousands of digits or endless nesting, which Python refuses.
        raise StoreUnreadable(type(error).__name__) from error
    printed = getattr(answer, "data", None)
    if not isinstance(printed, list):
        raise StoreDown("an answer without rows")
    try:
        return msgspec.convert(printed, list[kind])  # type: ignore[valid-type]  # a runtime type
    except (msgspec.ValidationError, RecursionError) as error:
        raise StoreUnreadable("a row of an unexpected shape") from error


async def all_rows(page_after: Callable[[R | None], Query], kind: type[R]) -> list[R]:
    """Read page after page; `page_after` asks for the PAGE rows behind the last one read, None at first.

    Raises:
        StoreError: one of the pages cannot be read, see `rows`.

    """
    found: list[R] = []
    while True:
        page = await rows(page_after(found[-1] if found else None), kind)
        found += page
        if len(page) < PAGE:
            return found


def _store_error(error: APIError) -> StoreError:
    code = str(error.code or "")  # a gateway that refuses a key gives none
    if code in PASSING_CODES or code == _TOO_LONG or is_of_the_way(code):
        return StoreDown(code)
    return StoreRefused(code)
