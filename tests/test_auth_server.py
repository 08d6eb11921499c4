"""What is asked of the Auth server about a login, and how its answers are understood."""

from __future__ import annotations

import httpx
import pytest

from bridge.auth_server import ask_auth_server
from bridge.errors import LoginUndecided
from bridge.settings import load_settings

GONE = '{"code":403,"error_code":"session_not_found","msg":"Session from session_id claim in JWT does not exist"}'
SETTINGS = load_settings(supabase_url="https://x.example", supabase_secret_key="secret", supabase_publishable_key="pub")


async def has_ended(status: int, body: str) -> bool:
    """Ask a server that answers like this."""

    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url) == "https://x.example/auth/v1/user"
        assert (request.headers["apikey"], request.headers["authorization"]) == ("pub", "Bearer token")
        return httpx.Response(status, text=body)

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        return await ask_auth_server(SETTINGS, http)("token")


@pytest.mark.parametrize(
    ("status", "body", "ended"),
    [
        (200, '{"id":"x"}', False),
        (403, GONE, True),
        (403, '{"code":"session_not_found","message":"gone"}', True),  # the newer version of its API
        (403, '{"code":403,"error_code":"user_not_found","msg":"deleted"}', True),
        (403, '{"code":403,"error_code":"user_banned","msg":"banned"}', True),
        (403, '{"code":403,"error_code":"bad_jwt","msg":"token is expired"}', False),
        (401, '{"message":"No API key found in request"}', False),
    ],
)
async def test_only_an_answer_about_the_login_ends_it(status: int, body: str, *, ended: bool) -> None:
    """A token that has expired meanwhile, or a wrong key of ours, says nothing about it."""
    assert await has_ended(status, body) is ended


@pytest.mark.parametrize(
    ("status", "body"), [(500, ""), (429, "{}"), (404, GONE), (403, "<html>"), (403, '{"error_code":7}'), (403, "[]")]
)
async def test_anything_else_decides_nothing(status: int, body: str) -> None:
    """Overload, a proxy's page, another server."""
    with pytest.raises(LoginUndecided):
        await has_ended(status, body)


async def test_no_answer_decides_nothing() -> None:
    """The server cannot be reached."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as http:
        with pytest.raises(LoginUndecided, match="ConnectError"):
            await ask_auth_server(SETTINGS, http)("token")
