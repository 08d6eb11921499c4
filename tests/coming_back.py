"""Clients that come back to a bridge with what they knew last."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bridge.history import MAX_AGE_SECONDS
from bridge.protocol import LISTED_TYPES
from tests.emulated_w1 import Frame
from tests.people import ROOM, Person
from tests.world import Client, World, world


@asynccontextmanager
async def old_world() -> AsyncIterator[World]:
    """Yield a world whose process began long ago."""
    async with world() as w:
        w.clock.advance(MAX_AGE_SECONDS + 1)
        yield w


async def back(w: World, person: Person, cursor: str | None, *capabilities: str) -> tuple[Client, Frame]:
    """Open a connection, authenticate with a cursor, and return it with the answer."""
    client = w.client()
    client.also = LISTED_TYPES
    shown = {} if cursor is None else {"cursor": cursor}
    token = w.mint.hs256(person.auth_id)
    return client, await client.ask("auth", token=token, capabilities=["resume", *capabilities], **shown)


async def say(client: Client, *texts: str) -> None:
    """Send messages."""
    for text in texts:
        await client.ask("send_message", conversationId=ROOM, content=text)


def last_cursor(client: Client) -> str:
    """Return the request id of the last push."""
    return [frame for frame in client.frames if frame.type == "message_received"][-1].request_id
