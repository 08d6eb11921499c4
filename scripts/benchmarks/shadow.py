"""What the live shadow costs those who read: the same reads through a bridge without and one with it, taking turns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import httpx

from bridge.client import WireClient
from scripts.benchmarks.tables import LATENCY_HEADINGS, Row, latency_row, print_table
from scripts.sandbox.address import SandboxAddress
from scripts.stack import running_bridge, running_sandbox

ROUNDS = 20
READS_A_ROUND = 50
PAUSE_SECONDS = 0.05
TOKEN = "a-token-of-operators"


async def measure(scale: float) -> None:
    """Read lists and pages, twenty a second, and print how long the answers took."""
    rounds = max(2, int(ROUNDS * scale))
    samples: dict[str, list[float]] = {"no": [], "every read": []}
    async with (
        running_sandbox(quiet=True) as (sandbox, _),
        running_bridge(sandbox, environment=_environment("0"), quiet=True) as (plain_url, _),
        running_bridge(sandbox, environment=_environment("1"), quiet=True) as (shadowed_url, _),
        WireClient.connect(plain_url) as plain,
        WireClient.connect(shadowed_url) as shadowed,
    ):
        clients = {"no": plain, "every read": shadowed}
        for client in clients.values():
            await client.authenticate(str(sandbox.people["bob"].token))
        for _ in range(rounds):
            for name, client in clients.items():
                samples[name] += await _reads(client, sandbox)
        outcomes = await _outcomes(shadowed_url)
    rows = [latency_row(name, sample) for name, sample in samples.items()]
    print_table("Reads, 20 a second, by what is compared", LATENCY_HEADINGS, rows)
    print_table("What became of the comparisons", ("", "n"), [Row(name, [str(n)]) for name, n in outcomes.items()])


def _environment(share: str) -> Mapping[str, str]:
    return {"BRIDGE_SHADOW_SHARE": share, "BRIDGE_OPERATOR_TOKEN": TOKEN}


async def _reads(client: WireClient, sandbox: SandboxAddress) -> list[float]:
    sample: list[float] = []
    room = str(sandbox.conversations["bob-carol"])
    for number in range(READS_A_ROUND):
        began_at = time.perf_counter()
        if number % 2:
            await client.request("load_messages", {"conversationId": room})
        else:
            await client.request("load_conversations", {})
        sample.append(time.perf_counter() - began_at)
        await asyncio.sleep(PAUSE_SECONDS)
    return sample


async def _outcomes(url: str) -> Mapping[str, int]:
    """Ask the bridge how often the two sides agreed."""
    address = url.replace("ws://", "http://").removesuffix("/ws")
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        reads = (await http.get(f"{address}/status")).raise_for_status().json()["shadow"]["reads"]
    return {
        f"{action}, {outcome} ({reason})": number
        for action, outcomes in reads.items()
        for outcome, reasons in outcomes.items()
        for reason, number in reasons.items()
    }
