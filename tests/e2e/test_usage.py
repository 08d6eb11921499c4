"""The counts of a real bridge: kept over a restart, shown to operators."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from bridge.__main__ import main
from bridge.usage import Batch
from bridge.usage.sqlite import SqliteUsage
from scripts.sandbox.address import SandboxAddress
from tests.contract.usage import row
from tests.e2e.browsers import GROUPS, address_of, browser
from tests.e2e.conftest import RunningBridge, StartBridge, eventually
from tests.e2e.database import Database
from tests.e2e.test_delivery import next_message
from tests.logged import with_ledger
from tests.people import ROOM
from tests.store.test_usage import until_the_data_api_knows

TOKEN = "a-token-of-operators"
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}


async def use(bridge: RunningBridge, database: Database, room: str, past_the_bridge: str) -> None:
    """Let somebody ask an old endpoint, send a message, and get one that was written past the bridge."""
    async with browser(bridge, str(bridge.sandbox.people["bob"].token)) as page:
        await page.ask("GET", GROUPS)
    async with bridge.client("bob") as client:
        await client.send_message(room, "by the bridge")
        await database.message(room, "carol", past_the_bridge)
        while (await next_message(client)).encrypted_content != past_the_bridge:
            pass


async def test_the_counts_are_kept_and_shown(start_bridge: StartBridge, database: Database, tmp_path: Path) -> None:
    """Both runs together; what catch-up tells again after the restart counts once."""
    settings = {"usage_file": str(tmp_path / "usage.sqlite"), "operator_token": TOKEN}
    room = await database.conversation("bob", "carol")
    for text in ("one", "two"):
        async with start_bridge(**settings) as bridge:
            await use(bridge, database, room, text)
    async with start_bridge(**settings) as bridge, httpx.AsyncClient(base_url=address_of(bridge)) as http:
        assert (await http.get("/usage")).status_code == 401
        shown = (await http.get("/usage", headers={"Authorization": f"Bearer {TOKEN}"})).json()
    counts = {(one["endpoint"], one["client"], one["user_id"]): one["count"] for one in shown["requests"]}
    bob = database.user("bob")
    assert counts == {("list_groups", "python", bob): 2, ("socket", "unknown", bob): 2}
    (written,) = [one for one in shown["writes"] if one["table"] == "messages" and one["conversation_id"] == room]
    assert (written["by_bridge"], written["by_legacy"]) == (2, 2)


async def test_without_any_place_nothing_is_counted_or_shown(start_bridge: StartBridge) -> None:
    """By default; and where there is one, if that is wanted."""
    async with start_bridge(operator_token=TOKEN) as bridge:
        await nothing_is_counted(bridge)


async def test_counting_can_be_switched_off(start_bridge: StartBridge, sandbox: SandboxAddress, tmp_path: Path) -> None:
    """Whatever is installed or named; no file is made."""
    file = tmp_path / "usage.sqlite"
    settings = {"operator_token": TOKEN, "usage": "off", "usage_file": str(file)}
    with with_ledger(sandbox.database_url):
        await until_the_data_api_knows(sandbox, there=True)
        async with start_bridge(**settings) as bridge:
            assert bridge.parts.context.store.usage.available
            await nothing_is_counted(bridge)
    assert not file.exists()


async def nothing_is_counted(bridge: RunningBridge) -> None:
    """See that operators are shown nothing, and that nothing waits in memory."""
    async with httpx.AsyncClient(base_url=address_of(bridge)) as http:
        response = await http.get("/usage", headers=OPERATOR)
        assert response.status_code != 200
        await http.get(GROUPS)
    assert not bridge.parts.context.usage.take(everything=True)


async def shown_by(bridge: RunningBridge) -> dict[str, Any]:
    """Return what operators are shown."""
    async with httpx.AsyncClient(base_url=address_of(bridge), headers=OPERATOR) as http:
        shown: dict[str, Any] = (await http.get("/usage")).json()
        return shown


def rows_of(shown: dict[str, Any], room: str) -> tuple[int, int]:
    """Return how many messages of a room are counted as the bridge's and as legacy writers'."""
    found = [one for one in shown["writes"] if one["table"] == "messages" and one["conversation_id"] == room]
    return sum(one["by_bridge"] for one in found), sum(one["by_legacy"] for one in found)


@pytest.fixture
async def ledger(sandbox: SandboxAddress) -> AsyncIterator[None]:
    """Install the ledger until the test ends."""
    with with_ledger(sandbox.database_url):
        await until_the_data_api_knows(sandbox, there=True)
        yield


@pytest.mark.usefixtures("ledger")
async def test_bridges_count_together_in_the_database(
    start_bridge: StartBridge,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Both hear of everything and count each row once; a receipt is the writing bridge's, whoever tells of it first."""
    room = await database.conversation("bob", "carol")
    async with start_bridge(operator_token=TOKEN) as one, start_bridge(operator_token=TOKEN) as other:
        await use(one, database, room, "first")
        await use(other, database, room, "second")
        await mark_all_read(one, room)
        sandbox = one.sandbox
    async with start_bridge(operator_token=TOKEN) as third:
        shown = await shown_by(third)
    assert rows_of(shown, room) == (2, 2)
    receipts = [one for one in shown["writes"] if one["table"] == "message_status" and one["conversation_id"] == room]
    assert [(one["by_bridge"], one["by_legacy"]) for one in receipts] == [(2, 0)]
    assert {one["count"] for one in shown["requests"] if one["endpoint"] == "list_groups"} == {2}
    monkeypatch.setenv("SUPABASE_URL", sandbox.url)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", sandbox.secret_key)
    monkeypatch.setenv("BRIDGE_USAGE_FILE", "/nowhere/usage.sqlite")
    capsys.readouterr()
    assert await asyncio.to_thread(main, ["usage", "--json"]) == 0
    assert rows_of(json.loads(capsys.readouterr().out), room) == (2, 2)


async def test_a_project_without_a_ledger_has_the_file(
    sandbox: SandboxAddress, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As for the bridge; without a file there is nothing to read."""
    monkeypatch.setenv("SUPABASE_URL", sandbox.url)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", sandbox.secret_key)
    monkeypatch.delenv("BRIDGE_USAGE_FILE", raising=False)
    assert await asyncio.to_thread(main, ["usage"]) == 2
    file = tmp_path / "usage.sqlite"
    counts = SqliteUsage.open(file)
    await counts.add(Batch(rows=[row("1", day=datetime.now(UTC).date())]))
    await counts.close()
    monkeypatch.setenv("BRIDGE_USAGE_FILE", str(file))
    capsys.readouterr()
    assert await asyncio.to_thread(main, ["usage", "--json"]) == 0
    assert rows_of(json.loads(capsys.readouterr().out), ROOM) == (0, 1)


async def mark_all_read(bridge: RunningBridge, room: str) -> None:
    """Let carol read what bob has sent."""
    async with bridge.client("carol") as carol:
        loaded = await carol.load_messages(room)
        unread = [one.id for one in loaded.messages if one.sender_id == str(bridge.sandbox.people["bob"].user_id)]
        await carol.request("mark_as_read", {"conversationId": room, "messageIds": unread})


async def test_the_ledger_comes_and_goes_while_a_bridge_runs(
    start_bridge: StartBridge, database: Database, sandbox: SandboxAddress, tmp_path: Path
) -> None:
    """Each count is in the place that was in force when it was written; nothing else changes for anybody."""
    file = tmp_path / "usage.sqlite"
    room = await database.conversation("bob", "carol")
    async with start_bridge(operator_token=TOKEN, usage_file=str(file)) as bridge:
        store = bridge.parts.context.store
        await use(bridge, database, room, "into the file")
        await written_down(bridge)
        assert rows_of(await shown_by(bridge), room) == (1, 1)
        with with_ledger(sandbox.database_url):
            await until_the_data_api_knows(sandbox, there=True)
            await store.check()
            assert rows_of(await shown_by(bridge), room) == (0, 0)
            await use(bridge, database, room, "into the database")
            await written_down(bridge)
            assert rows_of(await shown_by(bridge), room) == (1, 1)
        await until_the_data_api_knows(sandbox, there=False)
        await use(bridge, database, room, "into the file again")
        await store.check()
        await written_down(bridge)
        assert rows_of(await shown_by(bridge), room) == (2, 2)


async def written_down(bridge: RunningBridge) -> None:
    """Have everything written that is noted."""
    await bridge.parts.usage_upkeep.write(everything=True)


async def test_requests_passed_through_are_counted(
    start_bridge: StartBridge, database: Database, tmp_path: Path
) -> None:
    """With who asked, and by which program."""
    settings = {"operator_token": TOKEN, "usage_file": str(tmp_path / "usage.sqlite"), "rest_passthrough": True}
    async with start_bridge(**settings) as bridge, httpx.AsyncClient(base_url=address_of(bridge)) as http:
        key, token = bridge.sandbox.publishable_key, str(bridge.sandbox.people["bob"].token)
        headers = {"apikey": key, "X-Client-Info": "supabase-js-web/2.39.0"}
        for bearer in (token, key):
            asked = await http.get(
                "/rest/v1/messages?limit=1", headers={**headers, "Authorization": f"Bearer {bearer}"}
            )
            assert asked.status_code == 200

        async def both_are_known() -> bool:
            await written_down(bridge)
            return len((await shown_by(bridge))["requests"]) == 2

        await eventually(both_are_known)
        shown = await shown_by(bridge)
    assert {(one["endpoint"], one["client"], one["user_id"]) for one in shown["requests"]} == {
        ("rest_v1 GET messages", "supabase-js-web", database.user("bob")),
        ("rest_v1 GET messages", "python", ""),
    }
