"""`python -m bridge usage`: who still uses what, from the file that the bridge writes."""

from __future__ import annotations

import argparse
from datetime import date, timedelta

import msgspec

from bridge.clock import Clock
from bridge.errors import ConfigError
from bridge.usage.reading import DAYS, as_tables, read_usage_file


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked."""
    parser.add_argument("--file", help="the file to read; by default that of BRIDGE_USAGE_FILE")
    parser.add_argument(
        "--since", type=date.fromisoformat, metavar="DAY", help=f"like 2026-12-01; by default {DAYS} days ago"
    )
    parser.add_argument("--json", action="store_true", help="everything, as the document that /usage shows")


def answer(asked: argparse.Namespace, usual_file: str | None, clock: Clock) -> str:
    """Return what was asked for.

    Raises:
        ConfigError: no file is named.
        UsageUnavailable: it cannot be read.

    """
    path = asked.file or usual_file
    if not path:
        raise ConfigError("BRIDGE_USAGE_FILE is not set, and --file names no file.")
    read = read_usage_file(path, asked.since or clock.now().date() - timedelta(days=DAYS))
    return msgspec.json.encode(read).decode() if asked.json else as_tables(read)
