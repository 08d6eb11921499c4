"""`scripts/bench`: start-up, sending, many sockets, restarts, memory, old endpoints, sessions, tools, the shadow."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Mapping

from scripts.benchmarks import (
    agreeing,
    checking,
    delivery,
    fan_out,
    listing,
    restart,
    sessions,
    shadow,
    shims,
    startup,
    typists,
)
from scripts.stack import UNLIMITED, StackError, running_stack

BY_SCALE: Mapping[str, Callable[[float], Awaitable[None]]] = {
    "fan-out": fan_out.measure,
    "restart": restart.measure,
    "listing": listing.measure,
    "typing": typists.measure,
    "sessions": sessions.measure,
    "shims": shims.measure,
    "check": checking.measure,
    "parity": agreeing.measure,
    "shadow": shadow.measure,
}
PARTS = ("startup", "delivery", *BY_SCALE)


def main() -> int:
    """Measure what was asked for and return the exit status."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the samples, to see that it works")
    parser.add_argument("--only", choices=PARTS, help="measure one part only")
    given = parser.parse_args()
    scale = 0.1 if given.quick else 1.0
    print(f"Python {platform.python_version()}, {platform.machine()}, {os.cpu_count()} cores")
    try:
        asyncio.run(_measure(given.only, scale))
    except StackError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


async def _measure(only: str | None, scale: float) -> None:
    if only in {None, "startup"}:
        await startup.measure()
    if only in {None, "delivery"}:
        async with running_stack(environment=UNLIMITED, quiet=True) as stack:
            await delivery.measure(stack, scale)
    for name, part in BY_SCALE.items():
        if only in {None, name}:
            await part(scale)


if __name__ == "__main__":
    sys.exit(main())
