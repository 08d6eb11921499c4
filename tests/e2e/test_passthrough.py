"""PostgREST through the bridge: the same answers, nothing added, and both worlds still see each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.conftest import RunningBridge, StartBridge, eventually
from tests.e2e.listening import next_push

OFF = {"rest_passthrough": False}
ON = {"rest_passthrough": True}
MESSAGES = "messages?select=id,encrypted_content&order=created_at.asc,id.asc"


@asynccontextmanager
async def both(start_bridge: StartBridge, **settings: object) -> AsyncIterator[tuple[RunningBridge, Asked]]:
    """Run a bridge, and yield what asks it and the sandbox the same."""
    async with start_bridge(**{**ON, **settings}) as bridge, httpx.AsyncClient() as http:
        yield bridge, Asked(bridge, http)


class Asked:
    """One question, asked of PostgREST through the bridge and directly."""

    def __init__(self, bridge: RunningBridge, http: httpx.AsyncClient) -> None:
        self.through = bridge.url.replace("ws://", "http://").removesuffix("/ws") + "/rest/v1/"
        self.directly = f"{bridge.sandbox.url}/rest/v1/"
        self._http = http
        self._sandbox = bridge.sandbox

    def headers(self, name: str = "bob", **more: str) -> dict[str, str]:
        """Return what supabase-js sends for a signed-in person."""
        token = str(self._sandbox.people[name].token)
        named = {key.replace("_", "-"): value for key, value in more.items()}
        return {"apikey": self._sandbox.publishable_key, "Authorization": f"Bearer {token}", **named}

    async def same(self, method: str, target: str, **options: Any) -> httpx.Response:
        """See that both ways answer alike, and return the answer."""
        through = await self._http.request(method, self.through + target, **options)
        directly = await self._http.request(method, self.directly + target, **options)
        assert (through.status_code, through.content) == (directly.status_code, directly.content)
        for header in ("content-type", "content-range", "preference-applied", "access-control-allow-origin"):
            assert through.headers.get(header) == directly.headers.get(header), header
        return through

    async def ask(self, method: str, target: str, **options: Any) -> httpx.Response:
        """Ask through the bridge only."""
        return await self._http.request(method, self.through + target, **options)


async def test_it_is_off_unless_it_is_asked_for(start_bridge: StartBridge) -> None:
    """By default the path does not exist."""
    async with both(start_bridge, **OFF) as (_, asked):
        assert (await asked.ask("GET", MESSAGES, headers=asked.headers())).status_code == 404


async def test_a_read_is_answered_as_postgrest_answers_it(start_bridge: StartBridge) -> None:
    """Rows, ranges and counts; a HEAD has no body; an error keeps its code."""
    async with both(start_bridge) as (_, asked):
        whole = await asked.same("GET", MESSAGES + "&limit=5", headers=asked.headers())
        assert whole.json()
        ranged = asked.headers(Range="0-1", Range_Unit="items", Prefer="count=exact")
        part = await asked.same("GET", MESSAGES, headers=ranged)
        assert "/" in part.headers["content-range"]
        await asked.same("HEAD", MESSAGES + "&limit=1", headers=asked.headers())
        assert (await asked.same("GET", "nothing_here", headers=asked.headers())).status_code == 404


async def test_without_a_key_it_is_refused_as_ever(start_bridge: StartBridge) -> None:
    """The bridge adds none of its own."""
    async with both(start_bridge) as (_, asked):
        assert (await asked.same("GET", MESSAGES)).status_code == 401


async def test_a_preflight_is_the_gateways_to_answer(start_bridge: StartBridge) -> None:
    """So browsers of the app's origin may ask here, too."""
    async with both(start_bridge) as (_, asked):
        headers = {
            "Origin": "https://app.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "apikey,authorization",
        }
        answer = await asked.same("OPTIONS", "messages", headers=headers)
        assert "access-control-allow-origin" in answer.headers


async def test_what_is_written_through_it_reaches_sockets(start_bridge: StartBridge) -> None:
    """An insert and the representation asked for; a member's socket gets the message."""
    async with both(start_bridge) as (bridge, asked), bridge.client("carol") as carol:
        sandbox = bridge.sandbox
        conversation = str(sandbox.conversations["bob-carol"])
        row = {
            "id": str(uuid4()),
            "conversation_id": conversation,
            "sender_id": str(sandbox.people["bob"].user_id),
            "encrypted_content": "through the bridge",
        }
        answer = await asked.ask("POST", "messages", json=row, headers=asked.headers(Prefer="return=representation"))
        assert answer.status_code == 201, answer.text
        assert answer.json()[0]["id"] == row["id"]
        await next_push(carol, "message_received", of=row["id"])


async def test_whoever_holds_its_connections_takes_none_of_the_bridges(start_bridge: StartBridge) -> None:
    """A body that does not come holds the only one there is; who asks behind it waits, and everything else goes on."""
    async with both(start_bridge, store_connections=1, store_timeout_seconds=1.0) as (bridge, asked):
        address = httpx.URL(asked.through)
        _, writer = await asyncio.open_connection(address.host, address.port)
        head = {"Host": "x", "Content-Length": "1000", "Content-Type": "application/json", **asked.headers()}
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        writer.write(f"POST /rest/v1/messages HTTP/1.1\r\n{lines}\r\n[".encode())

        async def is_held() -> bool:
            return (await asked.ask("GET", MESSAGES, headers=asked.headers())).status_code == 504

        await eventually(is_held)
        async with bridge.client("bob") as bob:
            assert await bob.load_conversations()
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("target", ["../auth/v1/settings", "%2e%2e/auth/v1/settings", "rpc/a/b", "a%2fb", "messages/1"])
async def test_nothing_else_of_the_project_is_reachable(start_bridge: StartBridge, target: str) -> None:
    """Not even by dots or encoded slashes."""
    async with both(start_bridge) as (_, asked):
        assert (await asked.ask("GET", target, headers=asked.headers())).status_code == 404
