"""`python -m migration parity`."""

from __future__ import annotations

import argparse
from pathlib import Path

from bridge.clock import Clock
from migration.commands.command import Command, add_choice, add_target, chosen, count, target_of
from migration.errors import Refused
from migration.findings import Exit
from migration.parity import COMPARISONS, OldSide
from migration.parity.running import Wishes, parity
from migration.parity.tally import Mismatch, ParityReport, Rates
from migration.voice import Voice


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_target(parser)
    add_choice(parser, "action")
    parser.add_argument(
        "--bridge", required=True, metavar="URL", help="the bridge's WebSocket, like ws://127.0.0.1:8080/ws"
    )
    parser.add_argument(
        "--old",
        type=OldSide,
        choices=list(OldSide),
        default=OldSide.POSTGREST,
        help="whom the old way asks (postgrest)",
    )
    parser.add_argument("--rest-url", metavar="URL", help="where the app's own endpoints are, for --old rest")
    parser.add_argument("--strict", action="store_true", help="excuse nothing: for endpoints that a bridge answers")
    parser.add_argument("--people", type=count, default=100, help="how many to compare for (100)")
    parser.add_argument("--all", action="store_true", help="compare for everybody who can sign in")
    parser.add_argument("--conversations", type=count, default=3, help="how many of each person's to look into (3)")
    parser.add_argument("--at-once", type=count, default=4, help="how many people at once (4)")
    parser.add_argument("--mismatches", type=count, default=20, help="how many of the last ones to name (20)")
    parser.add_argument("--seed", default="1", help="the same one chooses the same people and conversations")
    parser.add_argument("--tokens", type=Path, metavar="FILE", help="people's access tokens, one a line")


def _run(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    if (given.old is OldSide.REST) != (given.rest_url is not None):
        raise Refused("--old rest and --rest-url URL belong together.")
    wishes = Wishes(
        bridge=given.bridge,
        actions=chosen(given.only, given.skip, COMPARISONS[given.old]),
        rest_url=given.rest_url,
        strict=given.strict,
        people=None if given.all else given.people,
        conversations=given.conversations,
        at_once=given.at_once,
        keep=given.mismatches,
        seed=given.seed,
        tokens=given.tokens,
    )
    report = parity(target_of(given), wishes, clock, voice)
    voice.document(report, report_lines(report))
    return report.exit


def report_lines(report: ParityReport) -> list[str]:
    """Return a report as people read it."""
    lines = [f"parity: {_old_side(report)} beside the bridge at {report.bridge}", ""]
    lines += [_rates_line(one) for one in report.actions]
    for one in report.actions:
        if one.declared:
            seen = ", ".join(f"{name} {number:,}" for name, number in sorted(one.declared.items()))
            lines.append(f"  declared differences of {one.action}, by trials: {seen}")
        if one.failures:
            codes = ", ".join(f"{code} {number:,}" for code, number in sorted(one.failures.items()))
            lines.append(f"  the old way of {one.action} fails: {codes}")
    for mismatch in report.mismatches:
        lines += ["", *_mismatch_lines(mismatch)]
    return [
        *lines,
        "",
        f"{report.people:,} of {report.everybody:,} people in {report.seconds:.1f} s,"
        f" {report.people_per_second:.1f} per second",
    ]


def _old_side(report: ParityReport) -> str:
    of = "" if report.old_server is None else f"the old endpoints at {report.old_server} of "
    return f"{of}{report.subject}{' (strict)' if report.is_strict else ''}"


def _rates_line(one: Rates) -> str:
    share = "nothing to compare" if one.consistency is None else f"{one.consistency:.2%} consistent"
    noise = "" if one.control_noise is None else f", noise {one.control_noise:.2%}"
    return f"{one.action}: {share}{noise} ({one.trials:,} trials, {one.mismatched:,} mismatches)"


def _mismatch_lines(one: Mismatch) -> list[str]:
    where = f" in {one.conversation_id}" if one.conversation_id else ""
    lines = [f"MISMATCH {one.action} of {one.user_id}{where}"]
    if one.refused:
        return [*lines, f"  refused with {one.refused}"]
    if one.old_failed:
        return [*lines, f"  the old way fails with {one.old_failed}"]
    lines += [
        f"  {difference.key or 'all rows'}: {difference.field or f'only in the {difference.where} answer'}"
        for difference in one.differences
    ]
    return [*lines, f"  and {one.more:,} more"] if one.more else lines


COMMAND = Command(
    name="parity",
    purpose="ask the old way and the new one, and compare; writes nothing",
    add_arguments=_add_arguments,
    run=_run,
)
