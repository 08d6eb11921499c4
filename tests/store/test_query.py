"""Executing a query: rows or a StoreError, whatever the library, the server or a row does."""

from __future__ import annotations

import json

import httpx
import pytest
from msgspec import Struct
from structlog.testing import capture_logs

from bridge.errors import StoreDown, StoreRefused, StoreUnreadable
from bridge.store.supabase.query import PAGE, all_rows, rows
from tests.store.queries import Answer, Query, refusal


class Row(Struct, frozen=True):
    """What is asked for."""

    id: str
    metadata: object = None


async def failure(outcome: object) -> StoreDown | StoreRefused:
    """Return how a write fails, which is not repeated."""
    with pytest.raises((StoreDown, StoreRefused)) as caught:
        await rows(Query(outcome, method="PATCH"), Row)
    assert isinstance(caught.value, StoreDown | StoreRefused)
    assert "secret" not in str(caught.value)
    return caught.value


async def test_rows_are_decoded() -> None:
    """Columns that were not asked for are ignored."""
    assert await rows(Query(Answer([{"id": "1", "x": 5}, {"id": "2", "metadata": [1]}])), Row) == [
        Row("1"),
        Row("2", [1]),
    ]
    assert await rows(Query(Answer([])), Row) == []


@pytest.mark.parametrize("code", ["23514", "23503", "42501", "42703", "22P02", "PGRST204", "401", "404", "409"])
async def test_a_refusal_is_a_refusal(code: str) -> None:
    """Asking again would be refused again; the code goes to the log, the row does not (contract F11)."""
    with capture_logs() as logs:
        error = await failure(refusal(code))
    assert isinstance(error, StoreRefused)
    assert error.sqlstate == code
    assert [(line["event"], line["code"]) for line in logs] == [("store.refused", code)]
    assert "secret" not in str(logs)


@pytest.mark.parametrize("code", ["PGRST000", "PGRST002", "40001", "40P01", "57014", "53300", "500", "502", 503])
async def test_what_passes_is_no_refusal(code: str | int) -> None:
    """Overload, restart, a lost race: a retry may help."""
    assert type(await failure(refusal(code))) is StoreDown


@pytest.mark.parametrize(
    "error", [httpx.ConnectError("secret"), httpx.ReadTimeout("secret"), ConnectionResetError("secret"), TimeoutError()]
)
async def test_no_answer_is_down(error: Exception) -> None:
    """Whether a write happened is unknown."""
    down = await failure(error)
    assert type(down) is StoreDown
    assert str(down) == type(error).__name__


@pytest.mark.parametrize("printed", ["<html>secret</html>", None, {"message": "secret"}, 5])
async def test_an_answer_without_rows_is_down(printed: object) -> None:
    """A gateway answered."""
    assert type(await failure(Answer(printed))) is StoreDown


@pytest.mark.parametrize("row", [{}, {"id": None}, {"id": 5}, "secret", None, [{"id": "secret"}]])
async def test_one_bad_row_makes_the_answer_unreadable(row: object) -> None:
    """Which one it is can be found out by asking for fewer."""
    assert type(await failure(Answer([{"id": "1"}, row]))) is StoreUnreadable


async def test_what_no_parser_reads_is_unreadable() -> None:
    """Anybody may write such metadata; Python's own limits stop the parser, not the network."""
    with pytest.raises(ValueError, match="digits") as caught:
        json.loads("9" * 5000)
    assert type(await failure(caught.value)) is StoreUnreadable
    assert type(await failure(RecursionError("maximum recursion depth exceeded"))) is StoreUnreadable


async def test_a_bug_is_not_taken_for_an_outage() -> None:
    """It goes up with its trace."""
    with pytest.raises(AttributeError):
        await rows(Query(AttributeError()), Row)


@pytest.mark.parametrize("total", [0, 1, PAGE - 1, PAGE, PAGE + 1, 2 * PAGE])
async def test_all_rows_are_read_page_by_page(total: int) -> None:
    """A full page is never the end; each begins behind the last row read."""
    stored = [{"id": str(number)} for number in range(total)]
    asked: list[str | None] = []

    def page_after(last: Row | None) -> Query:
        asked.append(last.id if last else None)
        start = int(last.id) + 1 if last else 0
        return Query(Answer(stored[start : start + PAGE]))

    found = await all_rows(page_after, Row)
    assert [row.id for row in found] == [row["id"] for row in stored]
    assert len(asked) == total // PAGE + 1
