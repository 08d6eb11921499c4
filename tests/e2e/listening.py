"""A client that asked for more than the old ones know, and what it is pushed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from bridge.client import MessageReceived, WireClient
from bridge.client.frames import Push
from tests.e2e.conftest import RunningBridge

ANSWER_SECONDS = 20.0
EVERYTHING = ("message_changes", "conversations", "members")


@asynccontextmanager
async def newcomer(
    bridge: RunningBridge, name: str | None = None, *, token: str | None = None, capabilities: tuple[str, ...] = ()
) -> AsyncIterator[WireClient]:
    """Connect as a sample person, or with a token, and ask for these capabilities, else for all of this release."""
    async with bridge.client() as client:
        given = token or str(bridge.sandbox.people[name or ""].token)
        await client.request("auth", {"token": given, "capabilities": list(capabilities or EVERYTHING)})
        yield client


async def next_push(client: WireClient, *types: str, of: str) -> tuple[str, Any]:
    """Return type and payload of the next push about a conversation or message, of these types if some are named.

    What else is pushed is passed over: the tables are shared, and what earlier tests did may be told late.
    """
    async with asyncio.timeout(ANSWER_SECONDS):
        async for push in client.pushes():
            name, payload = read(push)
            if of in ids_in(payload) and (not types or name in types):
                return name, payload
    raise AssertionError("no more pushes")


async def pushed_so_far(client: WireClient, *, of: str) -> list[tuple[str, Any]]:
    """Return what was pushed about it and not yet read: a ping's answer comes after whatever was queued before it."""
    await client.ping()
    return [(name, payload) for name, payload in map(read, client.pushes().waiting) if of in ids_in(payload)]


def ids_in(payload: dict[str, Any]) -> set[str | None]:
    """Return the ids of the conversation and of the message that a push is about."""
    message, conversation = payload.get("message", {}), payload.get("conversation", {})
    named = {payload.get("conversationId"), payload.get("messageId")}
    return named | {message.get("conversation_id"), message.get("id"), conversation.get("id")}


def read(push: Push) -> tuple[str, Any]:
    """Return type and payload of a push."""
    if isinstance(push, MessageReceived):
        return "message_received", msgspec.to_builtins(push)
    return push.type, msgspec.json.decode(push.payload)
