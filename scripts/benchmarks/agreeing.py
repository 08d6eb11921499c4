"""How many people a second `python -m migration parity` compares, and whether both ways agree about a healthy crowd."""

from __future__ import annotations

from datetime import UTC, datetime

from bridge.clock import SystemClock
from bridge.settings import load_settings
from migration.parity.running import Wishes as Comparing
from migration.parity.running import compared
from migration.parity.tally import ParityReport
from migration.voice import Voice
from scripts.benchmarks.tables import Row, print_table
from scripts.sandbox.crowd.healthy import Size
from scripts.sandbox.crowd.writing import Wishes, fill
from scripts.stack import Stack, running_stack

CROWD = Size(users=200, conversations=300, messages=6_000)
PEOPLE = 60
HEADINGS = ("at once", "people", "trials", "consistency", "noise", "people per second")


async def measure(scale: float) -> None:
    """Compare for the people of a crowd, one after the other and several at once, and print the table."""
    people = int(PEOPLE * scale)
    environment = {"BRIDGE_PRESENCE": "false"}
    async with running_stack(quiet=True, environment=environment) as stack:
        wishes = Wishes(size=CROWD, seed=1, as_of=datetime.now(UTC).replace(microsecond=0), defects=0)
        await fill(stack.sandbox.database_url, wishes)
        rows = [_row(at_once, await _report(stack, at_once, people)) for at_once in (1, 4)]
    print_table("python -m migration parity", HEADINGS, rows)


async def _report(stack: Stack, at_once: int, people: int) -> ParityReport:
    sandbox, clock = stack.sandbox, SystemClock()
    settings = load_settings(
        supabase_url=sandbox.url, supabase_secret_key=sandbox.secret_key, supabase_jwt_secret=sandbox.jwt_secret
    )
    wishes = Comparing(bridge=stack.bridge_url, people=people, at_once=at_once)
    return await compared(settings, wishes, clock, Voice(clock, as_json=False))


def _row(at_once: int, report: ParityReport) -> Row:
    matched = sum(one.matched for one in report.actions)
    judged = matched + sum(one.mismatched for one in report.actions)
    pairs, unlike = sum(one.pairs for one in report.actions), sum(one.unlike for one in report.actions)
    return Row(
        str(at_once),
        [
            f"{report.people:,}",
            f"{judged:,}",
            f"{matched / judged:.2%}",
            f"{unlike / pairs:.2%}",
            f"{report.people_per_second:.1f}",
        ],
    )
