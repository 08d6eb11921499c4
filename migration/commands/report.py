"""`python -m migration report`."""

from __future__ import annotations

import argparse
from pathlib import Path

from msgspec import Struct

from bridge.clock import Clock
from migration.commands.command import Command, add_output, positive, share
from migration.findings import Exit
from migration.report.evidence import Evidence, Sources, gather
from migration.report.page import page
from migration.report.verdict import Limits, Verdict, judge
from migration.settings import RolloutSettings, ToolSettings
from migration.state import write_whole
from migration.voice import Voice


class Document(Struct, frozen=True, kw_only=True):
    """The report for programs."""

    command: str = "report"
    subject: str
    verdict: Verdict
    limits: Limits
    evidence: Evidence


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--directory", type=Path, help="where the other commands left theirs (MIGRATION_DIRECTORY)")
    parser.add_argument(
        "--usage-file", type=Path, help="a usage ledger that is a file; else the database's, or BRIDGE_USAGE_FILE"
    )
    parser.add_argument(
        "--bridge", action="append", metavar="URL", help="ask this bridge; can be repeated (MIGRATION_BRIDGES)"
    )
    parser.add_argument("--subject", default="chat", help="what the report is about, in its title")
    parser.add_argument("--output", type=Path, help="the HTML file (by default report.html in the directory)")
    parser.add_argument("--consistency", type=share, default=Limits().consistency, help="what parity must reach")
    parser.add_argument("--lag", type=positive, default=Limits().lag_seconds, help="seconds of p99 that are allowed")
    add_output(parser)


def _run(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    tools, rollout = ToolSettings(), RolloutSettings()
    directory = given.directory or tools.directory
    token = rollout.operator_token
    sources = Sources(
        directory=directory,
        usage_file=given.usage_file,
        bridges=tuple(given.bridge or rollout.listed_bridges),
        operator_token=token.get_secret_value() if token else None,
    )
    limits = Limits(consistency=given.consistency, lag_seconds=given.lag)
    evidence = gather(sources, clock.now())
    verdict = judge(evidence, limits)
    output = given.output or directory / "report.html"
    write_whole(output, page(evidence, verdict, limits, given.subject).encode())
    document = Document(subject=given.subject, verdict=verdict, limits=limits, evidence=evidence)
    voice.document(document, _lines(verdict, output))
    return Exit.CLEAN if verdict.go else Exit.FOUND


def _lines(verdict: Verdict, output: Path) -> list[str]:
    reasons = [f"  {reason.weight}: {reason.sentence}" for reason in verdict.reasons]
    return ["GO" if verdict.go else "NO-GO", *reasons, "", f"The page is {output}."]


COMMAND = Command(
    name="report",
    purpose="one page for those who decide: GO or NO-GO, and why",
    add_arguments=_add_arguments,
    run=_run,
)
