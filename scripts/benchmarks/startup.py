"""How long it takes until a sandbox, and then a bridge in front of it, are ready: the first time and again."""

from __future__ import annotations

import time

from scripts.benchmarks.tables import Row, print_table
from scripts.sandbox.postgres import forget_template
from scripts.stack import running_bridge, running_sandbox


async def measure() -> None:
    """Start twice, the first time without the cached database, and print."""
    forget_template()
    rows = [await _start("first time (no cached database)"), await _start("second time")]
    print_table("Start to ready", ("", "sandbox", "bridge"), rows)


async def _start(name: str) -> Row:
    began_at = time.perf_counter()
    async with running_sandbox(quiet=True) as (sandbox, _):
        sandbox_ready_at = time.perf_counter()
        async with running_bridge(sandbox, quiet=True):
            bridge_ready_at = time.perf_counter()
    return Row(name, [f"{sandbox_ready_at - began_at:.2f} s", f"{bridge_ready_at - sandbox_ready_at:.2f} s"])
