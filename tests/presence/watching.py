"""What clients are told of presence, and what the table says of it."""

from __future__ import annotations

from typing import Any

from bridge.capabilities import Capability
from tests.parts import Parts
from tests.people import OTHER_ROOM, ROOM, A, C, Person
from tests.world import Client, World

KNOWS = frozenset({"presence_changed", "presence_loaded", "presence_set"})


async def at_the_wire(client: Client, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the presence frames a client has got so far."""
    await client.ask("ping")
    kinds = kinds or ("user_online", "user_offline", "presence_changed")
    return [(frame.type, frame.payload) for frame in client.frames if frame.type in kinds]


async def changes(client: Client) -> list[tuple[str, str]]:
    """Return who was said to be how, to a client with the capability."""
    return [(payload["userId"], payload["status"]) for _, payload in await at_the_wire(client, "presence_changed")]


async def passed(w: World, seconds: float) -> None:
    """Let time pass, with a tick at its end."""
    w.clock.advance(seconds)
    await w.presence.tell()
    await w.presence.write()


async def newcomer(w: World, person: Person) -> Client:
    """Open a connection of a client with the capability."""
    return await w.newcomer(person, Capability.PRESENCE, knows=KNOWS)


async def watching(w: World) -> tuple[Client, Client]:
    """Return carol as an old client with both her conversations open, and alice with the capability and none open."""
    carol, alice = await w.signed_in(C), await newcomer(w, A)
    for room in (ROOM, OTHER_ROOM):
        await carol.ask("join_conversation", conversationId=room)
    await passed(w, 0)
    for client in (carol, alice):
        await client.ask("ping")
        client.frames.clear()
    return carol, alice


def statuses(parts: Parts) -> dict[str, str]:
    """Return the table by username."""
    names = {user.id: user.username for user in parts.tables.people}
    return {names[row.user_id]: row.status.value for row in parts.tables.presence_rows.values()}
