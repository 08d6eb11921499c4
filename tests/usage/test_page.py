"""Who sees the counts over HTTP, and what."""

from __future__ import annotations

from typing import cast

import pytest
from quart import Quart
from quart.testing import QuartClient

from bridge.clock import FakeClock
from bridge.operators import Operators
from bridge.store.memory.usage import MemoryUsage
from bridge.usage import UsageUnavailable
from bridge.usage_page import show_usage
from tests.contract.usage import NOON
from tests.usage.test_reading import fill

TOKEN = "a-token-of-operators"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


class Setting:
    """The page of some counts."""

    def __init__(self, token: str | None = TOKEN) -> None:
        self.store = MemoryUsage()
        app = Quart(__name__)
        show_usage(app, Operators(token), self.store, FakeClock(NOON))
        self.http = cast("QuartClient", app.test_client())


async def test_operators_see_the_counts() -> None:
    """Of the last thirty days, or from the day that they name; in no cache."""
    s = Setting()
    await fill(s.store)
    for query, count in (("", 3), ("?since=2026-12-01", 3), ("?since=2026-12-02", 0)):
        response = await s.http.get(f"/usage{query}", headers=OPERATOR)
        assert (response.status_code, response.content_type) == (200, "application/json")
        assert response.headers["Cache-Control"] == "no-store"
        shown = await response.get_json()
        assert shown.keys() == {"since", "is_complete", "requests", "shares", "writes"}
        assert len(shown["requests"]) == count
    assert (await (await s.http.get("/usage", headers=OPERATOR)).get_json())["since"] == "2026-11-01"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer another-token"}, {"Authorization": TOKEN}])
async def test_nobody_else_does(headers: dict[str, str]) -> None:
    """And without a token set nothing says that there would be something."""
    response = await Setting().http.get("/usage", headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    hidden = await Setting(None).http.get("/usage", headers={**headers, "X": "y"})
    assert hidden.status_code == 404


@pytest.mark.parametrize("since", ["", "yesterday", "2026-13-01", "01.12.2026"])
async def test_a_day_that_is_none_is_refused(since: str) -> None:
    """With how it is written."""
    response = await Setting().http.get("/usage", headers=OPERATOR, query_string={"since": since})
    assert response.status_code == 400
    assert "2026-12-01" in str(await response.get_data(as_text=True))


async def test_counts_that_cannot_be_read_are_503() -> None:
    """Causes are in the log."""
    s = Setting()
    s.store.failing = UsageUnavailable("malformed")
    response = await s.http.get("/usage", headers=OPERATOR)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "10"
    assert "malformed" not in str(await response.get_data(as_text=True))


async def test_where_nothing_is_kept_there_is_nothing_to_see() -> None:
    """For now: that may change while the bridge runs."""
    s = Setting()
    s.store.available = False
    assert (await s.http.get("/usage", headers=OPERATOR)).status_code == 404
    s.store.available = True
    assert (await s.http.get("/usage", headers=OPERATOR)).status_code == 200
