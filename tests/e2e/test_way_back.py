"""One conversation, one person on the old path and one on the new; each may change over, and back (contract F52)."""

from __future__ import annotations

import asyncio

from scripts.legacy import LegacyClient, legacy_client
from tests.e2e.checked import CheckedClient
from tests.e2e.conftest import RunningBridge
from tests.e2e.database import Database
from tests.e2e.test_delivery import ANSWER_SECONDS, next_message, pushed_so_far


async def told(page: LegacyClient) -> str:
    """Return the content of the next row that Realtime pushes to an old page."""
    async with asyncio.timeout(ANSWER_SECONDS):
        return str((await page.pushed.get()).row["encrypted_content"])


async def contents(page: LegacyClient, conversation_id: str) -> list[str]:
    """Return what an old page shows after it was loaded anew."""
    return [str(row["encrypted_content"]) for row in await page.load(conversation_id)]


async def heard(client: CheckedClient) -> str:
    """Return the content of the next message pushed to a socket."""
    return (await next_message(client)).encrypted_content


async def test_both_paths_are_one_conversation_and_nobody_is_locked_in(
    bridge: RunningBridge, database: Database
) -> None:
    """Each sees the other's messages once, live and after a reload; whoever goes back finds everything, and goes on.

    Nothing is done to the data in between: both write the same rows.
    """
    tokens = {name: str(bridge.sandbox.people[name].token) for name in ("bob", "carol")}
    seen = ["1 from the socket", "2 from the page", "3 from the socket"]
    conversation_id = await database.conversation("bob", "carol")
    async with legacy_client(bridge.sandbox, tokens["carol"]) as old_carol:
        await old_carol.subscribe(conversation_id)
        async with bridge.client("bob") as bob:
            await bob.send_message(conversation_id, seen[0])
            assert await heard(bob) == seen[0]
            await old_carol.send(conversation_id, database.user("carol"), seen[1])
            assert await heard(bob) == seen[1]
            await bob.send_message(conversation_id, seen[2])
            assert await heard(bob) == seen[2]
            loaded = await bob.load_messages(conversation_id)
        assert [await told(old_carol) for _ in seen] == seen
        assert [row.encrypted_content for row in loaded.messages] == seen
        assert await contents(old_carol, conversation_id) == seen
    # Bob goes back to the old page, carol comes over to the socket.
    async with (
        legacy_client(bridge.sandbox, tokens["bob"]) as old_bob,
        bridge.client("carol") as carol,
    ):
        await old_bob.subscribe(conversation_id)
        assert await contents(old_bob, conversation_id) == seen
        await old_bob.send(conversation_id, database.user("bob"), "4 from the page")
        assert await heard(carol) == "4 from the page"
        await carol.send_message(conversation_id, "5 from the socket")
        assert [await told(old_bob) for _ in range(2)] == ["4 from the page", "5 from the socket"]
        assert await contents(old_bob, conversation_id) == [*seen, "4 from the page", "5 from the socket"]
        assert old_bob.pushed.empty()
        assert await heard(carol) == "5 from the socket"
        assert not await pushed_so_far(carol)
