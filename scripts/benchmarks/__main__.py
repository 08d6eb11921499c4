"""`scripts/bench`: start-up, sending, legacy inserts, memory, old endpoints; sessions; the migration tools."""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import sys

from scripts.benchmarks import agreeing, checking, delivery, listing, sessions, shims, startup
from scripts.stack import UNLIMITED, StackError, running_stack

PARTS = ("startup", "delivery", "listing", "sessions", "shims", "check", "parity")


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
    if only in {None, "listing"}:
        await listing.measure(scale)
    if only in {None, "sessions"}:
        await sessions.measure(scale)
    if only in {None, "shims"}:
        await shims.measure(scale)
    if only in {None, "check"}:
        await checking.measure(scale)
    if only in {None, "parity"}:
        await agreeing.measure(scale)


if __name__ == "__main__":
    sys.exit(main())
