"""`python -m migration audit`."""

from __future__ import annotations

import argparse

from bridge.clock import Clock
from migration.audit.running import Wishes, audit
from migration.commands.command import Command, add_target, count, positive, target_of
from migration.errors import Refused
from migration.findings import Exit
from migration.voice import Voice


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "--bridge", action="append", required=True, metavar="URL", help="like http://127.0.0.1:8080; can be repeated"
    )
    parser.add_argument("--minutes", type=positive, default=5.0, help="how long the (first) window is (5)")
    parser.add_argument("--settle", type=positive, default=60.0, help="how many seconds ago the window ends (60)")
    parser.add_argument("--samples", type=count, default=20, help="how many of the missing to name (20)")
    parser.add_argument(
        "--every", type=positive, metavar="SECONDS", help="go on, so often, each window where the last one ended"
    )
    parser.add_argument("--runs", type=count, help="with --every: end after so many; else at SIGINT or SIGTERM")


def _run(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    if given.runs is not None and given.every is None:
        raise Refused("--runs needs --every.")
    target = target_of(given)
    token = target.project.operator_token if target.project else None
    if token is None:
        raise Refused("Bridges tell operators only: set BRIDGE_OPERATOR_TOKEN as it is set there.")
    wishes = Wishes(
        bridges=tuple(given.bridge),
        token=token.get_secret_value(),
        minutes=given.minutes,
        settle_seconds=given.settle,
        sample_size=given.samples,
        every_seconds=given.every,
        runs=given.runs,
    )
    report = audit(target, wishes, clock, voice)
    voice.report(report)
    return report.exit


COMMAND = Command(
    name="audit",
    purpose="compare the messages in the tables with those that bridges have told; names what is missing",
    add_arguments=_add_arguments,
    run=_run,
)
