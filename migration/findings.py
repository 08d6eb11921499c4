"""What a look at a project finds, in the one shape that every command prints and the report reads. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Final

import msgspec
from msgspec import Struct

FORMAT: Final = 1
"""Of the JSON documents; a reader refuses others."""


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """Something fails, is lost, or is open to strangers."""
    WARNING = "warning"
    """Somebody will see it; the bridge copes with it, or copes badly."""
    NOTICE = "notice"
    """Worth knowing; nothing has to be done, and the exit status does not tell."""


class Exit(IntEnum):
    """The exit statuses of every command."""

    CLEAN = 0
    FOUND = 1
    REFUSED = 2
    INCOMPLETE = 3


class Finding(Struct, frozen=True, kw_only=True):
    """One thing that is not as it should be."""

    check: str
    severity: Severity
    evidence: str
    """What was seen, in one sentence: numbers and names, never contents or secrets."""
    fix: str
    """The exact SQL, setting or command; or why there is none."""
    consequence: str
    """What happens if nobody does anything."""
    count: int | None = None
    """How many rows, where rows were counted."""
    samples: tuple[str, ...] = ()
    """Keys of some of them."""


class Passed(Struct, frozen=True, kw_only=True):
    """A check that found nothing."""

    check: str
    evidence: str = ""
    """What was seen, where that is worth a sentence."""


class NotRun(Struct, frozen=True, kw_only=True):
    """A check that was left out."""

    check: str
    reason: str
    applies: bool = True
    """False: this database has nothing that the check is about, so nothing is missing."""


class Series(Struct, frozen=True, kw_only=True):
    """What a command that goes on has done so far; the findings of its report are those of all runs."""

    runs: int
    failed: int
    """Runs in which something could not be asked; what they left open the next one looked at."""
    windows: int
    """How many were proven, each bridge's by itself."""
    messages: int
    """How many were compared."""
    missing: int
    gaps: int
    """Times between windows of which nothing can be proven any more."""
    gap_seconds: float
    is_last_complete: bool
    """Whether the last run proved all of its window, up to its end."""

    @property
    def words(self) -> str:
        """Return it as people say it."""
        failed = f" ({self.failed:,} failed)" if self.failed else ""
        gaps = f"; gaps that cannot be proven any more: {self.gaps:,}, {self.gap_seconds:,.0f} s" if self.gaps else ""
        return (
            f"{self.runs:,} runs{failed}, {self.windows:,} windows proven, {self.messages:,} messages compared,"
            f" {self.missing:,} missing{gaps}"
        )


class Report(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that one command found out."""

    command: str
    format: int = FORMAT
    subject: str
    """Which project or database."""
    fingerprint: str | None = None
    """Which database exactly; None: only seen over REST."""
    as_of: datetime
    """The moment that "now" means in every check."""
    ended_at: datetime
    findings: tuple[Finding, ...]
    passed: tuple[Passed, ...]
    not_run: tuple[NotRun, ...]
    rows: Mapping[str, int] = {}
    """How many rows of each table were looked at."""
    series: Series | None = None
    """Of a command that goes on (`audit --every`)."""

    @property
    def is_complete(self) -> bool:
        """Tell whether everything was looked at that can be looked at in such a database."""
        return not any(one.applies for one in self.not_run)

    @property
    def asked(self) -> set[str]:
        """The names of everything that was to be looked at."""
        seen = [one.check for one in self.findings] + [one.check for one in self.passed]
        return {*seen, *(one.check for one in self.not_run)}

    @property
    def exit(self) -> Exit:
        """Return the exit status: what is found counts before what is missing."""
        if any(finding.severity is not Severity.NOTICE for finding in self.findings):
            return Exit.FOUND
        return Exit.CLEAN if self.is_complete else Exit.INCOMPLETE


def worst_first(findings: list[Finding]) -> tuple[Finding, ...]:
    """Put errors before warnings before notices; otherwise the order stays."""
    order = list(Severity)
    return tuple(sorted(findings, key=lambda finding: order.index(finding.severity)))


def printed(report: Struct) -> bytes:
    """Return the JSON document, for people and programs."""
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def read_report(text: bytes) -> Report:
    """Read what `printed` wrote.

    Raises:
        msgspec.DecodeError: it is no such document, or of another format.

    """
    report = msgspec.json.decode(text, type=Report)
    if report.format != FORMAT:
        raise msgspec.ValidationError(f"format {report.format} instead of {FORMAT}")
    return report
