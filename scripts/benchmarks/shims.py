"""What the old endpoints cost: the list and the participants through them, and the same rows asked of PostgREST."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import httpx
import psycopg

from scripts.benchmarks.tables import Row, milliseconds, percentile, print_table
from scripts.sandbox.address import SandboxAddress
from scripts.stack import UNLIMITED, running_bridge, running_sandbox

CONVERSATIONS = 20
MEMBERS = 20
REQUESTS = 1000
AT_ONCE = 8
WARM_UP = 50
HEADINGS = ("", "asked at once", "requests/s", "p50", "p99")

Ask = Callable[[], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Measured:
    """How many requests a second, and how long each took."""

    per_second: float
    seconds: list[float]


async def measure(scale: float) -> None:
    """Measure both endpoints and both questions, one at a time and several at once, and print the table."""
    requests = max(50, int(REQUESTS * scale))
    rows: list[Row] = []
    async with (
        running_sandbox(quiet=True) as (sandbox, _),
        await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as database,
    ):
        room = await _crowd(database, str(sandbox.people["bob"].user_id))
        async with (
            running_bridge(sandbox, environment=UNLIMITED, quiet=True) as (url, _),
            _client(_http(url), {"Authorization": f"Bearer {sandbox.people['bob'].token}"}) as shim,
            _client(sandbox.url, {"apikey": sandbox.secret_key}) as postgrest,
        ):
            for name, path, question in _pairs(sandbox, room):
                for at_once in (1, AT_ONCE):
                    direct = await _sample(_get(postgrest, question), requests, at_once)
                    through = await _sample(_get(shim, path), requests, at_once)
                    rows.append(_row(f"{name}: PostgREST", at_once, direct))
                    rows.append(_row(f"{name}: old endpoint", at_once, through))
                    rows.append(_ratio(at_once, direct, through))
    print_table(f"Old endpoints with {CONVERSATIONS} conversations of {MEMBERS} people ({requests})", HEADINGS, rows)


def _pairs(sandbox: SandboxAddress, room: str) -> list[tuple[str, str, str]]:
    """Return what is compared: a name, the old endpoint, and the rows that it shows as PostgREST is asked for them.

    The bridge asks more for the list: unread counts, and whose token it is. The endpoint of the app did, too.
    """
    bob = sandbox.people["bob"].user_id
    listed = (
        "/rest/v1/conversations?select=id,type,name,avatar_url,group_id,created_at,group:groups(name),"
        "mine:conversation_participants!inner(id),members:conversation_participants(user_id,left_at,"
        "user:users(id,username,display_name,avatar_url)),last:messages(id,encrypted_content,sender_id,created_at)"
        f"&mine.user_id=eq.{bob}&mine.left_at=is.null&last.order=created_at.desc&last.limit=1"
    )
    people = (
        "/rest/v1/conversation_participants?select=user_id,role,joined_at,users(id,username,display_name,avatar_url)"
        f"&conversation_id=eq.{room}&left_at=is.null&order=joined_at"
    )
    return [
        ("conversations", "/api/chat/conversations", listed),
        ("participants", f"/api/chat/conversations/{room}/participants", people),
    ]


async def _crowd(database: psycopg.AsyncConnection, reader: str) -> str:
    """Make people and conversations of all of them, each with a message, and return the id of one."""
    others = [str(uuid.uuid4()) for _ in range(MEMBERS - 1)]
    await database.execute(
        "insert into users (id, username, display_name, phone_number) "
        "select one::uuid, one, 'Somebody', one from unnest(%s::text[]) one",
        (others,),
    )
    rooms = [str(uuid.uuid4()) for _ in range(CONVERSATIONS)]
    await database.execute(
        "insert into conversations (id, type, name) select one::uuid, 'group', 'crowd' from unnest(%s::text[]) one",
        (rooms,),
    )
    await database.execute(
        "insert into conversation_participants (conversation_id, user_id) "
        "select room::uuid, person::uuid from unnest(%s::text[]) room, unnest(%s::text[]) person",
        (rooms, [reader, *others]),
    )
    await database.execute(
        "insert into messages (conversation_id, sender_id, encrypted_content) "
        "select room::uuid, %s, 'hello' from unnest(%s::text[]) room",
        (others[0], rooms),
    )
    await database.execute("analyze")
    return rooms[0]


def _http(url: str) -> str:
    return url.replace("ws://", "http://").removesuffix("/ws")


def _client(url: str, headers: dict[str, str]) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=60, limits=httpx.Limits(max_connections=AT_ONCE))


def _get(client: httpx.AsyncClient, path: str) -> Ask:
    async def ask() -> None:
        (await client.get(path)).raise_for_status()

    return ask


async def _sample(ask: Ask, requests: int, at_once: int) -> Measured:
    for _ in range(WARM_UP):
        await ask()
    seconds: list[float] = []

    async def ask_on() -> None:
        while len(seconds) < requests:
            began_at = time.perf_counter()
            await ask()
            seconds.append(time.perf_counter() - began_at)

    began_at = time.perf_counter()
    await asyncio.gather(*(ask_on() for _ in range(at_once)))
    return Measured(len(seconds) / (time.perf_counter() - began_at), seconds)


def _row(name: str, at_once: int, measured: Measured) -> Row:
    times = [milliseconds(percentile(measured.seconds, share)) for share in (0.5, 0.99)]
    return Row(name, [str(at_once), f"{measured.per_second:.0f}", *times])


def _ratio(at_once: int, direct: Measured, through: Measured) -> Row:
    """Return how many times slower the endpoint is."""
    times = [percentile(through.seconds, share) / percentile(direct.seconds, share) for share in (0.5, 0.99)]
    shown = [f"{ratio:.2f}" for ratio in (direct.per_second / through.per_second, *times)]
    return Row("times slower", [str(at_once), *shown])
