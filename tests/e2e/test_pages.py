"""What a running bridge shows to browsers and tools."""

from __future__ import annotations

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from bridge.pages import protocol_documents, security_headers
from tests.e2e.conftest import RunningBridge, StartBridge


@pytest.mark.parametrize("path", ["/asyncapi.json", "/protocol"])
async def test_the_protocol_is_shown_by_every_bridge(bridge: RunningBridge, path: str) -> None:
    """With its headers, and without a token; a handshake to the same path opens the socket (test_bad_input)."""
    url = httpx.URL(bridge.url).copy_with(scheme="http", path=path)
    async with httpx.AsyncClient() as http:
        answer = await http.get(url)
    assert answer.status_code == 200
    wanted = protocol_documents()[path]
    assert answer.content == wanted.body
    assert {name: answer.headers[name] for name in wanted.headers} == dict(wanted.headers)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/healthz", 200), ("GET", "/readyz", 200), ("GET", "/nothing/there", 404), ("POST", "/healthz", 405)],
)
async def test_whatever_is_answered_may_do_nothing_in_a_browser(
    bridge: RunningBridge, method: str, path: str, status: int
) -> None:
    """Errors too; and nobody is told which server this is."""
    async with httpx.AsyncClient() as http:
        answer = await http.request(method, httpx.URL(bridge.url).copy_with(scheme="http", path=path))
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in security_headers()} == security_headers()
    assert "server" not in answer.headers


async def test_a_refused_handshake_is_a_plain_text_that_may_do_nothing(start_bridge: StartBridge) -> None:
    """It is the only answer that is made for strangers' pages."""
    async with start_bridge(allowed_origins="https://chat.example") as bridge:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(bridge.url, origin="https://evil.example"):  # type: ignore[arg-type]  # a NewType
                pass
    headers = refused.value.response.headers
    assert {name: headers.get(name) for name in security_headers()} == security_headers()
    assert headers["Content-Type"] == "text/plain; charset=utf-8"


NOWHERE = (
    *("/", "/nothing", "/favicon.ico", "/rest/v1/messages", "/api/nothing", "/api/chat/conversations/"),
    # Not a redirect to the address with one slash less: scheme and host would be guesses behind a proxy.
    *("/api/chat//groups", "/api//users/search", "/rest//v1/messages"),
)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
async def test_an_address_where_nothing_is_is_404(bridge: RunningBridge, method: str) -> None:
    """Although each is the socket's for a handshake; below /api in JSON, whatever the method."""
    async with httpx.AsyncClient(base_url=bridge.http_url) as http:
        for path in NOWHERE:
            answer = await http.request(method, path)
            assert (answer.status_code, "Allow" in answer.headers) == (404, False), path
            if path.startswith("/api/") and method != "HEAD":
                assert answer.json() == {"error": "Not Found"}


async def test_a_405_allows_what_the_address_knows(bridge: RunningBridge) -> None:
    """The socket, which is there too, adds nothing."""
    async with httpx.AsyncClient(base_url=bridge.http_url) as http:
        for method, path, allowed in (
            ("OPTIONS", "/api/chat/conversations", {"GET", "HEAD", "POST"}),
            ("DELETE", "/api/profile/update", {"POST"}),
            ("POST", "/healthz", {"GET", "HEAD", "OPTIONS"}),
        ):
            answer = await http.request(method, path)
            assert (answer.status_code, set(answer.headers["Allow"].split(", "))) == (405, allowed), path


async def test_any_address_is_the_socket_for_a_handshake(bridge: RunningBridge) -> None:
    """Wherever HTTP says that something, nothing or another method is there."""
    for path in (*NOWHERE, "/ws", "/healthz", "/api/chat/conversations"):
        async with connect(str(httpx.URL(bridge.url).copy_with(path=path))) as socket:
            await (await socket.ping())
