"""`python -m migration fix`."""

from __future__ import annotations

import argparse
from datetime import timedelta
from pathlib import Path

from bridge.clock import Clock
from migration.commands.command import Command, add_choice, add_target, chosen, positive, share, target_of
from migration.findings import Exit
from migration.fixing import FixReport, Wishes, fix
from migration.repairs import REPAIRS
from migration.scanning import Pace
from migration.undoing import Undone, undo
from migration.voice import Voice


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    add_choice(parser, "repair")
    parser.add_argument("--apply", action="store_true", help="write; without it nothing is changed")
    parser.add_argument("--resume", action="store_true", help="go on where an earlier run was stopped")
    parser.add_argument("--undo", type=Path, metavar="FILE", help="take back what this undo file holds")
    parser.add_argument(
        "--max-age", type=positive, default=60.0, help="minutes that the check may be old that is acted upon (60)"
    )
    parser.add_argument("--share", type=share, default=0.5, help="the part of the time in which to work (0.5)")


def _run(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    wishes = Wishes(
        checks=chosen(given.only, given.skip, REPAIRS),
        apply=given.apply,
        resume=given.resume,
        fresh=timedelta(minutes=given.max_age),
        pace=Pace(share=given.share),
        timeout_seconds=given.statement_timeout,
    )
    target = target_of(given)
    if given.undo is not None:
        undone = undo(target, given.undo, wishes, clock, voice)
        voice.document(undone, _undo_lines(undone))
        return undone.exit
    report = fix(target, wishes, clock, voice)
    voice.document(report, _fix_lines(report))
    return report.exit


def _fix_lines(report: FixReport) -> list[str]:
    verb = "wrote" if report.applied else "would write"
    lines = [f"fix: {report.subject}{'' if report.applied else ' (nothing is changed without --apply)'}", ""]
    for one in report.repairs:
        refused = f", {one.refused:,} refused" if one.refused else ""
        lines.append(f"{one.check}: {verb} {one.changes:,} rows for {one.found:,} found{refused}")
        lines.append(f"  it {REPAIRS[one.check].what}")
        if one.failed:
            lines.append(f"  refused, for {one.failed}")
        if one.left_alone:
            lines.append(f"  {one.left_alone:,} left alone. {REPAIRS[one.check].why_safe}")
    if not report.repairs:
        lines.append("Nothing that the last check found has a repair.")
    if report.not_checked:
        lines += ["", f"The last check was of some checks only. Not looked at: {', '.join(report.not_checked)}."]
        lines.append("  python -m migration check looks at everything")
    if report.undo is not None:
        lines += ["", f"To take it back: python -m migration fix --undo {report.undo} --apply"]
    return lines


def _undo_lines(undone: Undone) -> list[str]:
    if not undone.applied:
        return [f"undo: {undone.changes:,} changes in the file (nothing is changed without --apply)"]
    lines = [f"undo: {undone.restored:,} of {undone.changes:,} changes taken back"]
    if undone.restored < undone.changes:
        left = undone.changes - undone.restored
        lines.append(f"  {left:,} left alone: taken back before, never made, or changed by somebody since")
    if not undone.times_restored:
        lines.append("  but for updated_at: the role may not set session_replication_role")
    return lines


COMMAND = Command(
    name="fix",
    purpose="mend what the last check found, where that is safe; says what it would do unless told to --apply",
    add_arguments=_add_arguments,
    run=_run,
)
