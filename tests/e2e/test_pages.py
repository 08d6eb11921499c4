"""What a running bridge shows to browsers and tools."""

from __future__ import annotations

import httpx
import pytest

from bridge.pages import protocol_documents
from tests.e2e.conftest import RunningBridge


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
