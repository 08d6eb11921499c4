"""The live shadow in front of real tables: what legacy clients are told beside what the bridge says."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping

import pytest

from bridge.shadow import SHADOWED
from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.generations import Generation
from tests.conftest import SandboxOf
from tests.e2e.checked import CheckedClient
from tests.e2e.conftest import RunningBridge, eventually, running

GENERATIONS: tuple[Generation, ...] = ("db1", "db2", "db3")


def outcomes(bridge: RunningBridge) -> Mapping[tuple[str, str], int]:
    """Return how often each action had each outcome."""
    found: Counter[tuple[str, str]] = Counter()
    for (action, outcome, _), number in bridge.parts.context.measures.shadowed.values.items():
        found[action, outcome] += number
    return found


async def reads(client: CheckedClient) -> AsyncIterator[str]:
    """Read what there is for somebody, yielding the action after each."""
    listed = await client.load_conversations()
    yield "load_conversations"
    await client.request("load_groups", {})
    yield "load_groups"
    for conversation in listed:
        await client.load_messages(conversation.id)
        yield "load_messages"


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_both_ways_agree_about_the_sample_people(sandbox_of: SandboxOf, generation: Generation) -> None:
    """In every generation, but for what is declared."""
    sandbox = sandbox_of(generation)
    key = sandbox.publishable_key
    async with running(sandbox, shadow_share=1.0, supabase_publishable_key=key) as bridge:
        number = 0
        for name in people_of(sandbox):
            async with bridge.client(name) as client:
                async for _ in reads(client):
                    number += 1
                    await compared(bridge, number)
        assert bridge.parts.shadow is not None
        assert [one._asdict() for one in bridge.parts.shadow.mismatches] == []
        broken = {"load_conversations"} if generation == "db3" else set()  # by the app's own function (contract F41)
        assert outcomes(bridge).keys() == {(one, "error" if one in broken else "match") for one in SHADOWED}


async def compared(bridge: RunningBridge, number: int) -> None:
    """Wait until so many reads have been compared."""

    async def are() -> bool:
        return sum(outcomes(bridge).values()) == number

    await eventually(are)


def people_of(sandbox: SandboxAddress) -> list[str]:
    """Return who can sign in."""
    return [name for name, person in sandbox.people.items() if person.user_id]
