"""Requests to the project, counted and timed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import httpx
import pytest

from bridge.clock import FakeClock
from bridge.measured_http import MeasuredTransport
from bridge.measures import Measures

SECONDS = 0.2


class Spans:
    """Keeps what it is told of spans."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, str]]] = []

    @contextmanager
    def span(self, name: str, **attributes: str) -> Iterator[None]:
        """Keep name and attributes."""
        self.told.append((name, attributes))
        yield


class Project:
    """Something that answers after a while, or fails."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.measures = Measures()
        self.spans = Spans()
        self.failure: BaseException | None = None

    async def answer(self, _: httpx.Request) -> httpx.Response:
        """Answer 201."""
        self.clock.advance(SECONDS)
        if self.failure is not None:
            raise self.failure
        return httpx.Response(201)

    @asynccontextmanager
    async def client(self, counted_as: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
        """Return a client of it."""
        transport = MeasuredTransport(
            httpx.MockTransport(self.answer), self.measures, self.spans, self.clock, counted_as=counted_as
        )
        async with httpx.AsyncClient(transport=transport, base_url="http://project/") as http:
            yield http


@pytest.mark.parametrize(
    ("path", "table"),
    [
        ("rest/v1/messages?id=eq.5", "messages"),
        ("under/a/path/rest/v1/messages", "messages"),
        ("rest/v1/", ""),
        ("auth/v1/token?grant_type=refresh_token", "auth"),
    ],
)
async def test_requests_are_counted_and_timed_by_table(path: str, table: str) -> None:
    """Filters name people, so nothing is told of them."""
    project = Project()
    async with project.client() as http:
        await http.post(path)
    assert project.measures.requests.values == {(table, "POST", "201"): 1}
    (series,) = project.measures.request_seconds.values.values()
    assert series.seconds == pytest.approx(SECONDS)
    assert project.spans.told == [("supabase.request", {"table": table, "method": "POST"})]


async def test_what_strangers_choose_is_counted_as_one() -> None:
    """Or they could use up all labels with names of tables that there are not."""
    project = Project()
    async with project.client(counted_as="passthrough") as http:
        for number in range(3):
            await http.get(f"rest/v1/made_up_{number}")
    assert project.measures.requests.values == {("passthrough", "GET", "201"): 3}


@pytest.mark.parametrize(
    ("failure", "outcome"), [(httpx.ReadTimeout(""), "ReadTimeout"), (asyncio.CancelledError(), "cancelled")]
)
async def test_a_request_without_an_answer_is_counted_by_its_failure(failure: BaseException, outcome: str) -> None:
    """Whoever gave up, and it is still raised."""
    project = Project()
    project.failure = failure
    async with project.client() as http:
        with pytest.raises(type(failure)):
            await http.get("rest/v1/users")
    assert project.measures.requests.values == {("users", "GET", outcome): 1}
