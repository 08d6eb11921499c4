"""The requests of a legacy client over HTTP."""

from __future__ import annotations

import httpx
import pytest

from bridge.comparison.old_way import OldWayFailed, OldWayUnreachable
from bridge.comparison.postgrest import PostgrestAsUser


class Project:
    """Answers as a test says and keeps what it was asked."""

    def __init__(self, status: int = 200, text: str = "[]", failure: Exception | None = None) -> None:
        self.asked: list[httpx.Request] = []
        self._answer = httpx.Response(status, text=text)
        self._failure = failure
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._take))
        self.way = PostgrestAsUser(http, url="http://project", public_key="public", token="the token")

    async def _take(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self._failure is not None:
            raise self._failure
        return self._answer


async def test_rows_are_asked_for_with_the_users_own_rights() -> None:
    """The public key, the user's token, and filters that are escaped."""
    project = Project(text='[{"id": "a"}]')
    assert await project.way.rows("messages", created_at="lte.2026-01-01T00:00:00+00:00") == [{"id": "a"}]
    (request,) = project.asked
    assert str(request.url) == "http://project/rest/v1/messages?created_at=lte.2026-01-01T00%3A00%3A00%2B00%3A00"
    assert (request.headers["apikey"], request.headers["authorization"]) == ("public", "Bearer the token")


async def test_functions_are_called_by_their_arguments_names() -> None:
    """As the app does."""
    project = Project()
    await project.way.call("get_user_groups", user_uuid="u")
    (request,) = project.asked
    assert (request.method, str(request.url)) == ("POST", "http://project/rest/v1/rpc/get_user_groups")
    assert request.read() == b'{"user_uuid":"u"}'


@pytest.mark.parametrize(
    ("status", "text", "code"),
    [
        (403, '{"code": "42501", "message": "row of somebody"}', "42501"),
        (502, "<html>", "502"),
        (400, '{"code": 5}', "400"),
        (404, "{}", "404"),
        (200, "{}", "200"),
        (200, "<html>", "200"),
    ],
)
async def test_a_refusal_is_its_code(status: int, text: str, code: str) -> None:
    """Texts may quote rows."""
    with pytest.raises(OldWayFailed) as failed:
        await Project(status, text).way.rows("messages")
    assert str(failed.value) == code


async def test_nobody_there_is_told_apart() -> None:
    """By the kind of failure."""
    with pytest.raises(OldWayUnreachable, match="ConnectTimeout"):
        await Project(failure=httpx.ConnectTimeout("host")).way.rows("messages")
