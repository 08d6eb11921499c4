"""`python -m migration check`."""

from __future__ import annotations

import argparse

from bridge.clock import Clock
from migration.checking import Wishes, check
from migration.checks import CHECKS
from migration.commands.command import Command, add_choice, add_target, chosen, count, share, target_of
from migration.findings import Exit
from migration.scanning import PAGE_ROWS, Pace
from migration.voice import Voice


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    add_choice(parser, "check")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run was stopped")
    parser.add_argument("--samples", type=count, default=20, help="how many keys of each finding to name (20)")
    parser.add_argument("--people", type=count, default=20, help="of how many to compare unread counts (20)")
    parser.add_argument("--page-rows", type=count, default=PAGE_ROWS, help="rows of a table to look at in one question")
    parser.add_argument(
        "--share", type=share, default=0.5, help="the part of the time in which the database is asked anything (0.5)"
    )


def _run(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    wishes = Wishes(
        checks=chosen(given.only, given.skip, CHECKS),
        resume=given.resume,
        sample_size=given.samples,
        people=given.people,
        pace=Pace(page_rows=given.page_rows, share=given.share),
        timeout_seconds=given.statement_timeout,
    )
    report = check(target_of(given), wishes, clock, voice)
    voice.report(report)
    return report.exit


COMMAND = Command(
    name="check",
    purpose="look for damage in the data; never writes",
    add_arguments=_add_arguments,
    run=_run,
)
