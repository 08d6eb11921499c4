"""Whether and how the old endpoints are served: switched off, retired, over HTTP, on later databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.app import Bridge
from scripts.sandbox.address import SandboxAddress
from tests.conftest import SandboxOf
from tests.e2e.browsers import (
    CONVERSATIONS,
    GROUPS,
    PATIENCE_SECONDS,
    PROFILE,
    address_of,
    browser,
    participants,
    timer,
)
from tests.e2e.checked import CheckedClient
from tests.e2e.conftest import RunningBridge, StartBridge, running
from tests.e2e.database import Database
from tests.gated import Gate


async def test_a_browser_that_hangs_up_leaves_nothing_half_done(start_bridge: StartBridge, database: Database) -> None:
    """What it asked for is cancelled and undone."""
    gate = Gate()

    def prepare(parts: Bridge) -> None:
        conversations = parts.context.store.conversations
        admit = conversations.admit

        async def slow(*given: Any) -> None:
            await admit(*given)
            await gate()

        object.__setattr__(conversations, "admit", slow)

    other, token = await database.new_person()
    async with start_bridge(prepare) as bridge:
        async with browser(bridge, token) as page, asyncio.TaskGroup() as tasks:
            asking = tasks.create_task(page.create("group", database.user("carol")))
            await gate.reached()
            asking.cancel()
        await eventually_nothing(database, other)


async def eventually_nothing(database: Database, user_id: str) -> None:
    """Wait until somebody is in no conversation."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await database.fetch("select 1 from conversation_participants where user_id = %s", user_id):  # noqa: ASYNC110  # the bridge undoes it in its own time
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("path", [CONVERSATIONS, GROUPS, PROFILE, "/openapi.json", "/api/anything"])
@pytest.mark.parametrize("is_on", [True, False], ids=["on", "off"])
async def test_a_handshake_at_an_old_address_opens_the_socket(
    start_bridge: StartBridge, path: str, *, is_on: bool
) -> None:
    """Any path is the socket (contract ws-protocol section 11, rule 10)."""
    async with (
        start_bridge(compat=is_on) as bridge,
        CheckedClient.connect(bridge.url.removesuffix("/ws") + path) as client,
    ):
        await client.authenticate(str(bridge.sandbox.people["bob"].token))
        await client.request("load_conversations", {})


async def test_switched_off_the_endpoints_are_not_there(start_bridge: StartBridge) -> None:
    """As if they never had been; probes and sockets are."""
    async with start_bridge(compat=False) as bridge, httpx.AsyncClient(base_url=address_of(bridge)) as http:
        assert (await http.get(CONVERSATIONS)).status_code not in {200, 401}
        assert (await http.get("/healthz")).status_code == 200


async def test_a_retired_endpoint_says_so(start_bridge: StartBridge) -> None:
    """Only that one."""
    async with (
        start_bridge(compat_disabled="list_groups") as bridge,
        httpx.AsyncClient(base_url=address_of(bridge)) as http,
    ):
        response = await http.get(GROUPS)
        assert response.status_code == 410
        assert response.json().keys() == {"error"}
        assert (await http.get(CONVERSATIONS)).status_code == 401


async def test_an_endpoint_says_when_it_ends(start_bridge: StartBridge, tmp_path: Path) -> None:
    """In header fields that survive the way, also with an error."""
    file = tmp_path / "deprecation.toml"
    file.write_text('[every]\nsunset = 2027-03-01T00:00:00Z\n[endpoints.list_groups]\nsuccessor = "/protocol"\n')
    async with (
        start_bridge(compat_deprecation_file=str(file)) as bridge,
        httpx.AsyncClient(base_url=address_of(bridge)) as http,
    ):
        response = await http.get(GROUPS)
        assert response.status_code == 401
        assert response.headers["Sunset"] == "Mon, 01 Mar 2027 00:00:00 GMT"
        assert response.links["successor-version"]["url"] == "/protocol"
        assert (await http.get(CONVERSATIONS)).links == {}


async def test_http_is_spoken_as_it_should_be(bridge: RunningBridge) -> None:
    """A HEAD has no body, and a connection survives answers of every kind."""
    token = str(bridge.sandbox.people["bob"].token)
    async with browser(bridge, token) as page:
        head = await page.send("HEAD", CONVERSATIONS)
        assert (head.status_code, head.content) == (200, b"")
        for _ in range(2):
            assert (await page.send("OPTIONS", CONVERSATIONS)).status_code == 405
            assert (await page.http.post(CONVERSATIONS, content=b"{")).status_code == 500
            assert (await page.http.get(CONVERSATIONS, headers={"Host": "www.example.org"})).status_code == 301
        assert (await page.send("GET", CONVERSATIONS)).status_code == 200


@pytest.mark.parametrize("is_chunked", [True, False], ids=["in pieces", "as a whole"])
async def test_a_body_too_large_is_refused(bridge: RunningBridge, *, is_chunked: bool) -> None:
    """However it comes."""

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(80):
            yield b"x" * 1024

    async with httpx.AsyncClient(base_url=address_of(bridge)) as http:
        response = await http.post(CONVERSATIONS, content=pieces() if is_chunked else b"x" * 80 * 1024)
    assert (response.status_code, response.json()) == (413, {"error": "Request body too large"})


@pytest.mark.parametrize("generation", ["db2", "db3"])
async def test_on_later_databases_participants_have_timers_of_their_own(sandbox_of: SandboxOf, generation: str) -> None:
    """With the creator's trigger and bytea, everything else is as on the first (contract legacy-rest section 3.7)."""
    sandbox: SandboxAddress = sandbox_of(generation)  # type: ignore[arg-type]  # one of them
    ids = {name: str(person.user_id) for name, person in sandbox.people.items()}
    async with running(sandbox) as bridge, browser(bridge, str(sandbox.people["bob"].token)) as bob:
        made = await bob.create("group", ids["carol"], name="Later")
        assert (await bob.ask("GET", participants(made)))["participants"][0]["user_id"] in {ids["bob"], ids["carol"]}
        never = {"disappear_seconds": 0, "start_on": None, "enabled": False}
        assert (await bob.ask("GET", timer(made)))["settings"] == never
        own = {"disappear_seconds": 60, "start_on": "read"}
        assert (await bob.ask("PUT", timer(made), **own))["settings"] == {**own, "enabled": True}
        days = {"disappearing_messages_enabled": True, "disappearing_messages_duration_days": 3}
        assert await bob.ask("PUT", timer(made), **days) == {"success": True, **days}
        read = await bob.ask("GET", timer(made))
        assert read == {**days, "success": True, "settings": {**own, "enabled": True}}
        await bob.ask("POST", participants(made), user_ids=[ids["dave"]])
        line = next(
            one for one in (await bob.ask("GET", CONVERSATIONS))["conversations"] if one["conversation_id"] == made
        )
        assert line["latest_message_content"] == "Dave Duarte was added to the conversation"
        assert line["participant_count"] == 3
