"""`python -m migration sql`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from bridge.clock import Clock
from migration import change_log, usage_ledger
from migration.change_log import State
from migration.commands.command import Command, add_target, count, positive, target_of
from migration.database import Database, connected, subject_of
from migration.errors import Interrupted, Refused
from migration.findings import FORMAT, Exit
from migration.objects import Busy, NotAllowed, script
from migration.shape import read_shape
from migration.usage_ledger import LedgerState, OtherVersion
from migration.voice import Voice

DEEDS: Final = ("install", "status", "remove")

CHANGE_LOG: Final = "change-log"
USAGE_LEDGER: Final = "usage-ledger"
ADDITIONS: Final = (CHANGE_LOG, USAGE_LEDGER)
"""In the order in which they are installed; each is of use without the other."""


class SqlReport(Struct, frozen=True, kw_only=True):
    """What became of what the bridge adds; None: that was not asked about."""

    command: str = "sql"
    format: int = FORMAT
    deed: str
    subject: str
    state: State | None = None
    """Of the change log."""
    usage_ledger: LedgerState | None = None

    @property
    def exit(self) -> Exit:
        """Return 0 if all is as wanted: nothing is left, or everything is there."""
        states = [one for one in (self.state, self.usage_ledger) if one is not None]
        is_removed = self.deed == "remove"
        return Exit.CLEAN if all(one.is_absent if is_removed else not one.missing for one in states) else Exit.FOUND


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("deed", choices=DEEDS, help="install or repair the additions, look at them, or remove them")
    add_target(parser)
    parser.add_argument("--only", choices=ADDITIONS, help="one of them; both by default")
    parser.add_argument("--print", action="store_true", help="print the SQL, for an SQL editor; nothing is asked")
    parser.add_argument("--keep-hours", type=positive, help="for how long the log's entries are kept (72 at first)")
    parser.add_argument("--max-entries", type=count, help="how many are kept at most (1,000,000 at first)")


def _run(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    additions: Sequence[str] = (given.only,) if given.only else ADDITIONS
    if given.print:
        return _print(given.deed, additions, voice)
    url = target_of(given).database()
    is_status = given.deed == "status"
    with connected(url, timeout_seconds=given.statement_timeout, read_only=is_status) as database:
        report = _done(database, given, additions)
    voice.document(report, _lines(report))
    return report.exit


def _done(database: Database, given: argparse.Namespace, additions: Sequence[str]) -> SqlReport:
    """Do what was asked for, and look what is there then."""
    try:
        if given.deed != "status":
            _change(database, given, additions)
        return SqlReport(
            deed=given.deed,
            subject=subject_of(target_of(given).database()),
            state=change_log.state(database) if CHANGE_LOG in additions else None,
            usage_ledger=usage_ledger.state(database) if USAGE_LEDGER in additions else None,
        )
    except NotAllowed:
        raise Refused("The role may not do that; the owner of the chat's tables may, postgres as a rule.") from None
    except OtherVersion as error:
        raise Refused(f"{error}: of another version of the bridge; rename it, and its counts are kept.") from None
    except Busy:
        raise Interrupted("A table of the chat is in use all the time; the same command goes on, later.") from None


def _change(database: Database, given: argparse.Namespace, additions: Sequence[str]) -> None:
    is_removing = given.deed == "remove"
    is_limited = given.keep_hours is not None or given.max_entries is not None
    if is_limited and CHANGE_LOG not in additions:
        raise Refused("--keep-hours and --max-entries are about the change log.")
    if CHANGE_LOG in additions and not is_removing:
        with database.looking() as connection:
            read_shape(connection)  # in another database the log would be there, and record nothing
    if CHANGE_LOG in additions:
        (change_log.remove if is_removing else change_log.install)(database)
    if USAGE_LEDGER in additions:
        (usage_ledger.remove if is_removing else usage_ledger.install)(database)
    if is_limited and not is_removing:
        change_log.keep(database, hours=given.keep_hours, entries=given.max_entries)


def _print(deed: str, additions: Sequence[str], voice: Voice) -> Exit:
    if deed == "status":
        raise Refused("--print is for install and remove.")
    transactions: list[str] = []
    for name, module in ((CHANGE_LOG, change_log), (USAGE_LEDGER, usage_ledger)):
        if name in additions:
            transactions += module.installing() if deed == "install" else module.removing()
    voice.text(script(transactions))
    return Exit.CLEAN


def _lines(report: SqlReport) -> list[str]:
    lines: list[str] = []
    if report.state is not None:
        lines += _headed(report.subject, "the change log", report.state) + _log_lines(report.state)
    if report.usage_ledger is not None:
        lines += _headed(report.subject, "the usage ledger", report.usage_ledger) + _ledger_lines(report.usage_ledger)
    return lines


def _headed(subject: str, what: str, state: State | LedgerState) -> list[str]:
    if state.is_absent:
        return [f"sql: {subject}: {what} is not installed."]
    verdict = "is installed" if not state.missing else "is not whole; `python -m migration sql install` repairs it"
    return [f"sql: {subject}: {what} {verdict}.", *(f"  missing: {one}" for one in state.missing)]


def _log_lines(state: State) -> list[str]:
    numbers = state.numbers
    if numbers is None:
        return []
    since = f", the oldest of {numbers.oldest:%Y-%m-%d %H:%M:%S %Z}" if numbers.oldest else ""
    return [
        f"  {numbers.entries:,} entries{since}; {numbers.bytes / 1e6:,.1f} MB",
        f"  kept for {numbers.keep_hours:g} hours, {numbers.max_entries:,} entries at most",
        f"  {numbers.missed:,} times something could not be recorded",
        f"  held up for {numbers.held_up_seconds:.1f} s by the oldest transaction that writes",
    ]


def _ledger_lines(state: LedgerState) -> list[str]:
    numbers = state.numbers
    if numbers is None:
        return []
    since = f", the oldest of {numbers.oldest}" if numbers.oldest else ""
    return [
        f"  {numbers.requests:,} counts of requests, {numbers.writes:,} of rows{since}; {numbers.bytes / 1e6:,.1f} MB"
    ]


COMMAND = Command(
    name="sql",
    purpose="install, look at or remove the optional change log and usage ledger (docs/change-log.md, docs/usage.md)",
    add_arguments=_add_arguments,
    run=_run,
)
