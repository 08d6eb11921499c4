"""The table most tests listen to, and writing to it."""

from __future__ import annotations

import itertools

import psycopg

from tests.sandbox.realtime.phoenix_client import PhoenixClient, Received

NOTES = {"event": "*", "schema": "public", "table": "notes"}
_NUMBERS = itertools.count(1_000_000, 10_000)


def fresh_id() -> int:
    """Return a row id no other test uses, with ten thousand free ones behind it."""
    return next(_NUMBERS)


async def note(database: psycopg.AsyncConnection) -> int:
    """Write a note and return its id."""
    number = fresh_id()
    await database.execute("insert into notes (id) values (%s)", (number,))
    return number


async def marked(client: PhoenixClient, database: psycopg.AsyncConnection) -> list[Received]:
    """Write a marker note and return what the client, who listens to notes, gets before it."""
    marker = await note(database)
    frames = await client.until(
        lambda found: (
            found.event == "postgres_changes" and found.change["type"] == "INSERT" and found.record.get("id") == marker
        )
    )
    return frames[:-1]
