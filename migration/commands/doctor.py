"""`python -m migration doctor`."""

from __future__ import annotations

import argparse

from bridge.clock import Clock
from migration.commands.command import Command, add_choice, add_target, chosen, target_of
from migration.doctor import LOOKS
from migration.examining import Wishes, examine
from migration.findings import Exit
from migration.voice import Voice


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    add_choice(parser, "look")
    parser.add_argument(
        "--write-canary",
        action="store_true",
        help="make a table in a schema of its own, publish it, wait for a row of it, and drop it: Realtime renews all "
        "subscriptions of the project after that",
    )


def _run(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    wishes = Wishes(
        looks=chosen(given.only, given.skip, LOOKS),
        writes_canary=given.write_canary,
        timeout_seconds=given.statement_timeout,
    )
    report = examine(target_of(given), wishes, clock, voice)
    voice.report(report)
    return report.exit


COMMAND = Command(
    name="doctor",
    purpose="look at a Supabase project before anything else: keys, tables, Realtime, policies",
    add_arguments=_add_arguments,
    run=_run,
)
