"""`scripts/soak`: the long trials behind docs/reliability.md; results are kept in .sandbox/soak until `--forget`."""

from __future__ import annotations

import argparse
import asyncio
import sys

from scripts.chaos.faults import FAULTS
from scripts.chaos.trial import Plan
from scripts.soaking import draining, faulty, inputs, pressure, results

PARTS = ("faults", "memory", "drain", "inputs")


def main() -> int:
    """Measure what was asked for and return the exit status: 1 if a promise was broken."""
    given = _arguments()
    if given.forget:
        results.RESULTS.unlink(missing_ok=True)
    parts: list[str] = given.only or ([] if given.write_only else [*PARTS])
    was_good = asyncio.run(_measure(parts, given))
    if given.write or given.write_only:
        results.write(results.kept())
    return 0 if was_good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__)
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part only; may be repeated")
    parser.add_argument("--fault", action="append", choices=[*FAULTS], help="this fault only; may be repeated")
    parser.add_argument("--messages", type=int, default=10_000, help="for each fault (default: 10000)")
    parser.add_argument("--strikes", type=int, default=10, help="of a fault that is over at once (default: 10)")
    parser.add_argument("--minutes", type=float, default=10.0, help="under each bad client (default: 10)")
    parser.add_argument("--sockets", type=int, default=1000, help="at the end (default: 1000)")
    parser.add_argument("--examples", type=int, default=20_000, help="for each kind of bad input (default: 20000)")
    parser.add_argument("--write", action="store_true", help="write the tables of docs/reliability.md, too")
    parser.add_argument("--write-only", action="store_true", help="write them from what was kept, and measure nothing")
    parser.add_argument("--forget", action="store_true", help="forget what earlier runs measured")
    return parser.parse_args()


async def _measure(parts: list[str], given: argparse.Namespace) -> bool:
    was_good = True
    if "faults" in parts:
        plan = Plan(messages=given.messages, strikes=given.strikes, patience_seconds=180.0)
        was_good = await faulty.run(given.fault or [*FAULTS], plan)
    if "memory" in parts:
        await pressure.measure(given.minutes)
    if "drain" in parts:
        await draining.measure(given.sockets)
    if "inputs" in parts:
        was_good &= await inputs.measure(given.examples)
    return was_good


if __name__ == "__main__":
    sys.exit(main())
