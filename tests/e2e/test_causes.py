"""Four causes of a failed action are four different numbers, though clients see fewer codes (contract F50)."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import pytest

from bridge.client import RequestRefused
from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.database import Database
from tests.e2e.test_operations import TOKEN, numbers

COUNTERS: Final = {
    "login": ("chat_bridge_commands_total", ("outcome=INVALID_TOKEN", "type=auth")),
    "rights": ("chat_bridge_commands_total", ("outcome=ACCESS_DENIED", "type=load_messages")),
    "network": ("chat_bridge_supabase_requests_total", ("method=GET", "outcome=503", "table=messages")),
    "schema": ("chat_bridge_supabase_requests_total", ("method=GET", "outcome=400", "table=messages")),
}


async def counted(bridge: RunningBridge) -> dict[str, float]:
    """Return the counter of each cause."""
    scraped = await numbers(bridge)
    return {cause: scraped.get(counter, 0.0) for cause, counter in COUNTERS.items()}


async def test_four_causes_raise_four_counters(start_bridge: StartBridge, database: Database) -> None:
    """Whoever looks knows which it was: a bad token, no right, tables that do not answer, tables that are different."""
    theirs, foreign = await database.conversation("bob", "carol"), await database.conversation("carol", "alice")
    async with start_bridge(operator_token=TOKEN) as bridge, bridge.client("bob") as bob, bridge.client() as nobody:
        await bob.load_messages(theirs)
        seen = [await counted(bridge)]
        with pytest.raises(RequestRefused, match="INVALID_TOKEN"):
            await nobody.authenticate("no token")
        seen.append(await counted(bridge))
        with pytest.raises(RequestRefused, match="ACCESS_DENIED"):
            await bob.load_messages(foreign)
        seen.append(await counted(bridge))
        for status in (503, 400):
            async with database.faults(data_api={"down": True, "status": status, "path": "/rest/v1/messages"}):
                with pytest.raises(RequestRefused, match="DATABASE_ERROR"):
                    await bob.load_messages(theirs)
            seen.append(await counted(bridge))
    for cause, (before, after) in zip(COUNTERS, pairwise(seen), strict=True):
        assert [one for one in COUNTERS if after[one] > before[one]] == [cause]
