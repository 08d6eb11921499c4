"""Clients of the session's sandbox, and rows of a test's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from scripts.sandbox.address import PersonAddress, SandboxAddress
from tests.sandbox.legacy_clients import LegacyClient, SupabaseJs, SupabasePy


@pytest.fixture(scope="session")
def supabase_js(sandbox: SandboxAddress) -> Iterator[SupabaseJs]:
    """Yield supabase-js."""
    client = SupabaseJs(sandbox)
    yield client
    client.close()


@pytest.fixture(params=["js", "py"])
def legacy(request: pytest.FixtureRequest, sandbox: SandboxAddress) -> LegacyClient:
    """Return each of the two real client libraries in turn."""
    if request.param == "py":
        return SupabasePy(sandbox)
    found: SupabaseJs = request.getfixturevalue("supabase_js")
    return found


@pytest.fixture
def rest(sandbox: SandboxAddress) -> Iterator[httpx.Client]:
    """Yield a plain HTTP client of the Data API that holds the secret key, as the bridge does."""
    headers = {"apikey": sandbox.secret_key, "Authorization": f"Bearer {sandbox.secret_key}"}
    with httpx.Client(base_url=f"{sandbox.url}/rest/v1", headers=headers) as client:
        yield client


@pytest.fixture
def database(sandbox: SandboxAddress) -> Iterator[psycopg.Connection]:
    """Yield a superuser's connection; every statement commits at once."""
    with psycopg.connect(sandbox.database_url, autocommit=True) as connection:
        yield connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A conversation of one test's own: alice (A), bob (B) and dave (D) are in it."""

    id: str
    alice: PersonAddress
    bob: PersonAddress
    dave: PersonAddress
    xavier: PersonAddress


@pytest.fixture
def room(sandbox: SandboxAddress, database: psycopg.Connection) -> Room:
    """Return a new conversation without messages."""
    conversation = uuid4()
    database.execute("insert into conversations (id, type, name) values (%s, 'group', 'test')", (conversation,))
    for name in ("alice", "bob", "dave"):
        database.execute(
            "insert into conversation_participants (conversation_id, user_id) values (%s, %s)",
            (conversation, sandbox.people[name].user_id),
        )
    people = {name: sandbox.people[name] for name in ("alice", "bob", "dave", "xavier")}
    return Room(id=str(conversation), **people)


def write_messages(database: psycopg.Connection, room: Room, sender: PersonAddress, number: int) -> list[str]:
    """Write so many messages, one second apart, oldest first, and return their ids."""
    rows: list[tuple[UUID]] = database.execute(
        "insert into messages (conversation_id, sender_id, encrypted_content, created_at) "
        "select %s, %s, 'message ' || n, timestamptz '2026-11-01 12:00:00+00' + n * interval '1 second' "
        "from generate_series(1, %s) as n returning id",
        (room.id, sender.user_id, number),
    ).fetchall()
    return [str(identifier) for (identifier,) in rows]
