"""Each old endpoint and the methods of HTTP: those that it knows, and what is told of the others."""

from __future__ import annotations

import pytest

from tests.compat.good_requests import EACH, GOOD, Request
from tests.compat.shims import shims
from tests.people import B


@EACH
async def test_the_good_request_is_good(good: Request) -> None:
    """Else the matrix would prove nothing."""
    async with shims() as s:
        assert (await s.ask(*good)).status == 200


@EACH
@pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE", "POST", "PUT", "GET"])
async def test_a_method_that_the_path_does_not_know(good: Request, method: str) -> None:
    """405 with the methods that it knows, whoever asks."""
    known = {one.method for one in GOOD.values() if one.path == good.path}
    if method in known:
        return
    async with shims() as s:
        response = await s.send(method, good.path, {})
        assert response.status_code == 405
        assert response.content_type == "application/json"
        assert await response.get_json() == {"error": "Method not allowed"}
        allowed = set(response.headers["Allow"].split(", "))
        assert allowed == known | ({"HEAD"} if "GET" in known else set())


@EACH
async def test_head_is_get_without_the_body(good: Request) -> None:
    """Where there is a GET; a HEAD of something else is a method not known."""
    async with shims() as s:
        has_get = any(one.path == good.path for one in GOOD.values() if one.method == "GET")
        known = await s.send("HEAD", good.path, s.known(B, good.path))
        assert known.status_code == (200 if has_get else 405)
        unknown = await s.send("HEAD", good.path, {})
        assert unknown.status_code == (401 if has_get else 405)
