"""What the data checks find where it is known what is wrong, how long that takes, and how much memory.

Two sizes, one ten times the other, show how the cost grows. The checks run as a program of their own, at full speed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from migration.findings import Exit, Report, read_report
from scripts.benchmarks.tables import Row, print_table
from scripts.sandbox.crowd.healthy import Size
from scripts.sandbox.crowd.writing import Manifest, Wishes, fill
from scripts.sandbox.postgres import Postgres
from scripts.stack import ROOT, StackError

LARGE = Size(users=50_000, conversations=100_000, messages=1_000_000)
DEFECTS = 20
"""How many times every kind is planted, whatever the size."""
EVERY_KEY = 1_000_000
AS_POSTGRES = "?options=-c%20role%3Dpostgres"
HEADINGS = ("messages", "kinds planted", "rows planted", "missed", "invented", "time", "peak memory", "made in")


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of the checks."""

    report: Report
    seconds: float
    peak_bytes: int


async def measure(scale: float) -> None:
    """Check a tenth of the large crowd and all of it, and print the table."""
    rows = [await _row(_scaled(scale * part)) for part in (0.1, 1.0)]
    print_table("python -m migration check", HEADINGS, rows)


def _scaled(scale: float) -> Size:
    return Size(
        users=int(LARGE.users * scale),
        conversations=int(LARGE.conversations * scale),
        messages=int(LARGE.messages * scale),
    )


async def _row(size: Size) -> Row:
    wishes = Wishes(size=size, seed=1, as_of=datetime.now(UTC).replace(microsecond=0), defects=DEFECTS)
    async with Postgres(publication="empty") as postgres:
        began_at = time.perf_counter()
        manifest = await fill(postgres.dsn, wishes)
        made_in = time.perf_counter() - began_at
        run = await asyncio.to_thread(_checked, postgres.dsn + AS_POSTGRES)
    missed, invented = differences(manifest.expected, found(run.report))
    return Row(
        f"{manifest.rows['messages']:,}",
        [
            str(len(manifest.expected)),
            f"{planted(manifest):,}",
            str(missed),
            str(invented),
            f"{run.seconds:.1f} s",
            f"{run.peak_bytes / 2**20:.0f} MB",
            f"{made_in:.0f} s",
        ],
    )


def planted(manifest: Manifest) -> int:
    """Return how many rows have to be found; one that is wrong in two ways counts twice."""
    return sum(len(keys) for keys in manifest.expected.values())


def found(report: Report) -> Mapping[str, Sequence[str]]:
    """Return the keys found by each check."""
    return {finding.check: finding.samples for finding in report.findings}


def differences(expected: Mapping[str, Sequence[str]], seen: Mapping[str, Sequence[str]]) -> tuple[int, int]:
    """Return how many planted rows were missed and how many were made up."""
    planted_pairs = {(check, key) for check, keys in expected.items() for key in keys}
    seen_pairs = {(check, key) for check, keys in seen.items() for key in keys}
    return len(planted_pairs - seen_pairs), len(seen_pairs - planted_pairs)


def _checked(url: str) -> Run:
    """Run the checks and wait for them; the kernel says how much memory they had at most.

    Raises:
        StackError: they did not come to an end.

    """
    with tempfile.TemporaryDirectory() as directory:
        command = [sys.executable, "-m", "migration", "check", "--directory", directory, "--json", "--share", "1"]
        command += ["--samples", str(EVERY_KEY), "--skip", "unread_counts"]
        environment = {**os.environ, "MIGRATION_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
        output = Path(directory) / "out"
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT, 0o600)
        began_at = time.perf_counter()
        pid = os.posix_spawn(sys.executable, command, environment, file_actions=[(os.POSIX_SPAWN_DUP2, descriptor, 1)])
        os.close(descriptor)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - began_at
        if os.waitstatus_to_exitcode(status) != Exit.FOUND:
            raise StackError("the checks found nothing, or could not be run")
        return Run(report=read_report(output.read_bytes()), seconds=seconds, peak_bytes=usage.ru_maxrss * 1024)
