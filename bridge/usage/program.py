"""`python -m bridge usage`: who still uses what, from wherever bridges keep it."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import msgspec

from bridge.clock import Clock
from bridge.errors import ConfigError
from bridge.usage.reading import DAYS, UsageRead, as_tables, read_usage_file

ReadKept = Callable[[date], Awaitable[UsageRead | None]]
"""Reads the counts from where the settings say that they are kept, from a day on; None if they name no place."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.add_argument("--file", help="a file to read; by default the database or BRIDGE_USAGE_FILE")
    parser.add_argument(
        "--since", type=date.fromisoformat, metavar="DAY", help=f"like 2026-12-01; by default {DAYS} days ago"
    )
    parser.add_argument("--json", action="store_true", help="everything, as the document that /usage shows")


async def answer(asked: argparse.Namespace, read_kept: ReadKept, clock: Clock) -> str:
    """Return what was asked for.

    Raises:
        ConfigError: the settings name no place, or are unusable.
        UsageUnavailable: the counts cannot be read.

    """
    since = asked.since or clock.now().date() - timedelta(days=DAYS)
    read = await read_usage_file(asked.file, since) if asked.file else await read_kept(since)
    if read is None:
        raise ConfigError("there is nothing to read: the database has no ledger, and BRIDGE_USAGE_FILE is not set.")
    return msgspec.json.encode(read).decode() if asked.json else as_tables(read)
