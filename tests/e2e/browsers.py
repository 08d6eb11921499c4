"""Somebody who uses the old endpoints, at a running bridge."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from tests.e2e.conftest import RunningBridge

CONVERSATIONS = "/api/chat/conversations"
GROUPS = "/api/chat/groups"
RETENTION = "/api/settings/disappearing-messages"
PROFILE = "/api/profile/update"
PATIENCE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Browser:
    """Somebody who uses the old endpoints."""

    http: httpx.AsyncClient
    token: str

    async def send(self, method: str, path: str, **body: object) -> httpx.Response:
        """Send a request, with whatever proves who it is."""
        stored = json.dumps({"access_token": self.token}).replace('"', "%22").replace(",", "%2C")
        headers = {"Cookie": f"sb-127-auth-token={stored}", "Authorization": f"Bearer {self.token}"}
        return await self.http.request(method, path, headers=headers, json=body or None)

    async def ask(self, method: str, path: str, **body: object) -> dict[str, Any]:
        """Return what is answered where everything is all right."""
        response = await self.send(method, path, **body)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"] == "application/json"
        told: dict[str, Any] = response.json()
        return told

    async def create(self, kind: str, *ids: str, **more: object) -> str:
        """Make a conversation and return its id."""
        made = await self.ask("POST", CONVERSATIONS, type=kind, participant_ids=[*ids], **more)
        return str(made["conversation_id"])


def participants(conversation: str) -> str:
    """Return the address of a conversation's participants."""
    return f"{CONVERSATIONS}/{conversation}/participants"


def timer(conversation: str) -> str:
    """Return the address of a conversation's timer."""
    return f"/api/conversations/{conversation}/disappearing-messages"


@asynccontextmanager
async def browser(bridge: RunningBridge, token: str) -> AsyncIterator[Browser]:
    """Open a browser."""
    async with httpx.AsyncClient(base_url=address_of(bridge), timeout=PATIENCE_SECONDS) as http:
        yield Browser(http, token)


def address_of(bridge: RunningBridge) -> str:
    """Return where the endpoints are."""
    return bridge.url.replace("ws://", "http://").removesuffix("/ws")
