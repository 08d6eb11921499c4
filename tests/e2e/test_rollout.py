"""The dial, on real sockets: a plan's file is changed, and clients are where it sends them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from msgspec import json

from bridge.client import ConnectionLost, OtherPush, WireClient
from bridge.paths import Path as ChatPath
from migration.rollout.bridges import look_at
from tests.e2e.checked import CheckedClient
from tests.e2e.conftest import RunningBridge, StartBridge, eventually

ANSWER_SECONDS = 60.0
OPERATOR = "a-token-of-operators"


def write(path: Path, stage: str, more: str = "") -> None:
    """Put a plan in the place of the one that is there."""
    successor = path.with_suffix(".new")
    successor.write_text(f'format = 1\nsalt = "s"\nstage = "{stage}"\n{more}\n')
    successor.replace(path)


@pytest.fixture
async def plan(tmp_path: Path) -> Path:
    """Return the file of a plan that sends everybody to the bridge."""
    path = tmp_path / "rollout.toml"
    write(path, "full")
    return path


@pytest.fixture
async def bridge(start_bridge: StartBridge, plan: Path) -> AsyncIterator[RunningBridge]:
    """Run a bridge with the plan."""
    async with start_bridge(rollout_file=plan, operator_token=OPERATOR) as started:
        yield started


async def path_of(bridge: RunningBridge, name: str) -> str:
    """Ask /rollout as somebody."""
    address = bridge.url.replace("ws://", "http://").removesuffix("/ws") + "/rollout"
    token = bridge.sandbox.people[name].token
    async with httpx.AsyncClient() as http:
        answer = await http.get(address, headers={"Authorization": f"Bearer {token}"})
    return str(answer.raise_for_status().json()["path"])


async def close_code(client: WireClient) -> tuple[list[object], int | None]:
    """Wait for the end; return what was told of the rollout, and the code."""
    told: list[object] = []
    with pytest.raises(ConnectionLost) as lost:
        await listen(client, told)
    return told, lost.value.close_code


async def listen(client: WireClient, told: list[object]) -> None:
    """Keep what is told of the rollout."""
    async for push in client.pushes():
        if isinstance(push, OtherPush) and push.type == "rollout_changed":
            told.append(json.decode(push.payload))  # noqa: PERF401  # kept though the connection ends


async def come(client: WireClient, bridge: RunningBridge, name: str, *capabilities: str) -> object:
    """Authenticate; return what is said of the rollout."""
    token = str(bridge.sandbox.people[name].token)
    reply = await client.request("auth", {"token": token, "capabilities": [*capabilities]})
    return json.decode(reply).get("rollout")


async def test_the_kill_switch_and_back(bridge: RunningBridge, plan: Path) -> None:
    """Told, closed with 4510, turned away while it lasts, let in when it is over; an old client is let in all along."""
    async with (
        asyncio.timeout(ANSWER_SECONDS),
        CheckedClient.connect(bridge.url) as bob,
        CheckedClient.connect(bridge.url) as carol,
    ):
        assert await come(bob, bridge, "bob", "rollout") == {"path": "bridge", "reason": "stage", "stage": "full"}
        await come(carol, bridge, "carol")
        write(plan, "full", "kill_switch = true")
        legacy = {"path": "legacy", "reason": "kill_switch", "stage": "full"}
        assert await close_code(bob) == ([legacy], 4510)
        assert await close_code(carol) == ([], 4510)
        assert await path_of(bridge, "bob") == "legacy"
        async with CheckedClient.connect(bridge.url) as again:
            assert await come(again, bridge, "bob", "rollout") == legacy
            assert await close_code(again) == ([], 4510)
        async with bridge.client("carol") as old:
            assert await old.load_conversations()
        write(plan, "full")
        await eventually(lambda: takes_the_bridge(bridge, "bob"))
        async with CheckedClient.connect(bridge.url) as back:
            await come(back, bridge, "bob", "rollout")
            assert await back.load_conversations()


async def takes_the_bridge(bridge: RunningBridge, name: str) -> bool:
    """Tell whether somebody is sent to the bridge."""
    return await path_of(bridge, name) == "bridge"


async def test_a_wrong_plan_changes_nothing(bridge: RunningBridge, plan: Path) -> None:
    """Until it is mended."""
    source = bridge.parts.rollout.source
    assert source is not None
    async with asyncio.timeout(ANSWER_SECONDS), CheckedClient.connect(bridge.url) as bob:
        await come(bob, bridge, "bob", "rollout")
        write(plan, "ramp", "percentage = 250")

        async def is_noticed() -> bool:
            return source.error is not None

        await eventually(is_noticed)
        assert source.error == "The plan's percentage says 250; a percentage is between 0 and 100."
        assert await path_of(bridge, "bob") == "bridge"
        assert await bob.load_conversations()
        write(plan, "off")
        assert (await close_code(bob))[1] == 4510
        assert source.error is None


async def test_operators_see_the_rollout(bridge: RunningBridge) -> None:
    """Plan, error and connections, in the document that the tools read."""
    async with CheckedClient.connect(bridge.url) as bob:
        await come(bob, bridge, "bob", "rollout")
        [view] = await asyncio.to_thread(look_at, [bridge.http_url], OPERATOR)
    assert view.trouble is None
    assert view.status is not None
    assert view.status.plan is not None
    assert (view.status.plan.place, view.status.error) == ("full", None)
    assert view.status.connections == {ChatPath.BRIDGE: 1, ChatPath.LEGACY: 0}
