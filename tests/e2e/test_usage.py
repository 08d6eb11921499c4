"""The counts of a real bridge: kept over a restart, shown to operators."""

from __future__ import annotations

from pathlib import Path

import httpx

from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.database import Database
from tests.e2e.test_delivery import next_message
from tests.e2e.test_shims import GROUPS, address_of, browser

TOKEN = "a-token-of-operators"


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


async def test_without_a_file_nothing_is_counted_or_shown(start_bridge: StartBridge) -> None:
    """By default."""
    async with start_bridge(operator_token=TOKEN) as bridge, httpx.AsyncClient(base_url=address_of(bridge)) as http:
        response = await http.get("/usage", headers={"Authorization": f"Bearer {TOKEN}"})
        assert response.status_code != 200
        await http.get(GROUPS)
        assert not bridge.parts.context.usage.take(everything=True)
