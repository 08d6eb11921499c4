"""`python -m migration sql`."""

from __future__ import annotations

import argparse

from msgspec import Struct

from bridge.clock import Clock
from migration.change_log import State, install, installing, keep, remove, removing, state
from migration.commands.command import Command, add_target, count, positive, target_of
from migration.database import Database, connected, subject_of
from migration.errors import Interrupted, Refused
from migration.findings import FORMAT, Exit
from migration.objects import Busy, NotAllowed, script
from migration.voice import Voice

DEEDS = ("install", "status", "remove")


class SqlReport(Struct, frozen=True, kw_only=True):
    """What became of the change log."""

    command: str = "sql"
    format: int = FORMAT
    deed: str
    subject: str
    state: State

    @property
    def exit(self) -> Exit:
        """Return 0 if all is as wanted: nothing is left, or everything is there."""
        as_wanted = self.state.is_absent if self.deed == "remove" else not self.state.missing
        return Exit.CLEAN if as_wanted else Exit.FOUND


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("deed", choices=DEEDS, help="install or repair the change log, look at it, or remove it")
    add_target(parser)
    parser.add_argument("--print", action="store_true", help="print the SQL, for an SQL editor; nothing is asked")
    parser.add_argument("--keep-hours", type=positive, help="for how long entries are kept (72 at first)")
    parser.add_argument("--max-entries", type=count, help="how many are kept at most (1,000,000 at first)")


def _run(given: argparse.Namespace, clock: Clock, voice: Voice) -> Exit:
    if given.print:
        return _print(given.deed, voice)
    url = target_of(given).database()
    is_status = given.deed == "status"
    with connected(url, timeout_seconds=given.statement_timeout, read_only=is_status) as database:
        if not is_status:
            _change(database, given)
        report = SqlReport(deed=given.deed, subject=subject_of(url), state=state(database))
    voice.document(report, _lines(report))
    return report.exit


def _change(database: Database, given: argparse.Namespace) -> None:
    try:
        _change_or_fail(database, given)
    except NotAllowed:
        raise Refused("The role may not do that; the owner of the chat's tables may, postgres as a rule.") from None
    except Busy:
        raise Interrupted("A table of the chat is in use all the time; the same command goes on, later.") from None


def _change_or_fail(database: Database, given: argparse.Namespace) -> None:
    if given.deed == "remove":
        remove(database)
        return
    install(database)
    if given.keep_hours is not None or given.max_entries is not None:
        keep(database, hours=given.keep_hours, entries=given.max_entries)


def _print(deed: str, voice: Voice) -> Exit:
    if deed == "status":
        raise Refused("--print is for install and remove.")
    voice.text(script(installing() if deed == "install" else removing()))
    return Exit.CLEAN


def _lines(report: SqlReport) -> list[str]:
    if report.state.is_absent:
        return [f"sql: {report.subject}: the change log is not installed."]
    missing, numbers = report.state.missing, report.state.numbers
    verdict = "is installed" if not missing else "is not whole; `python -m migration sql install` repairs it"
    lines = [f"sql: {report.subject}: the change log {verdict}.", *(f"  missing: {one}" for one in missing)]
    if numbers is not None:
        since = f", the oldest of {numbers.oldest:%Y-%m-%d %H:%M:%S %Z}" if numbers.oldest else ""
        lines.append(f"  {numbers.entries:,} entries{since}; {numbers.bytes / 1e6:,.1f} MB")
        lines.append(f"  kept for {numbers.keep_hours:g} hours, {numbers.max_entries:,} entries at most")
        lines.append(f"  {numbers.missed:,} times something could not be recorded")
        lines.append(f"  held up for {numbers.held_up_seconds:.1f} s by the oldest transaction that writes")
    return lines


COMMAND = Command(
    name="sql",
    purpose="install, look at or remove the optional change log (docs/change-log.md)",
    add_arguments=_add_arguments,
    run=_run,
)
