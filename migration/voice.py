"""What people see: findings and progress as plain text. Programs get JSON on standard output, nothing else there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from textwrap import fill

from msgspec import Struct

from bridge.clock import Clock
from migration.findings import Finding, NotRun, Passed, Report, Severity, printed

WIDTH = 100
PROGRESS_SECONDS = 2.0


class Voice:
    """The one place that prints."""

    def __init__(self, clock: Clock, *, as_json: bool) -> None:
        self._clock = clock
        self._as_json = as_json
        self._told_at = clock.monotonic()

    def progress(self, text: str) -> None:
        """Say how far it is, every few seconds at most."""
        now = self._clock.monotonic()
        if now - self._told_at >= PROGRESS_SECONDS:
            self._told_at = now
            self.tell(text)

    def tell(self, text: str) -> None:
        """Say something on standard error."""
        print(text, file=sys.stderr, flush=True)

    def document(self, document: Struct, lines: list[str]) -> None:
        """Print a result: the document for programs, or its lines for people."""
        if self._as_json:
            sys.stdout.buffer.write(printed(document))
        else:
            print("\n".join(lines))
        sys.stdout.flush()

    def text(self, text: str) -> None:
        """Print what is to be taken elsewhere as it is."""
        print(text)
        sys.stdout.flush()

    def report(self, report: Report) -> None:
        """Print a report."""
        self.document(report, report_lines(report))


def report_lines(report: Report) -> list[str]:
    """Return a report as people read it: the worst first, what is in order in one line."""
    lines = [f"{report.command}: {report.subject}, as of {report.as_of:%Y-%m-%d %H:%M:%S %Z}"]
    for finding in report.findings:
        lines += ["", *_finding_lines(finding)]
    lines += ["", *_passed_lines(report.passed)]
    left_out = [one for one in report.not_run if one.applies]
    if left_out:
        lines += ["", "not looked at:", *map(_not_run_line, left_out)]
    elsewhere = [one.check for one in report.not_run if not one.applies]
    if elsewhere and report.command == "doctor":  # it looks at any chat; it only was not told to
        lines += ["", "not asked for:", *(_not_run_line(one) for one in report.not_run if not one.applies)]
    elif elsewhere:
        lines += ["", _wrapped(f"does not apply ({len(elsewhere)}): {', '.join(elsewhere)}", 2)]
    return [*lines, "", *(() if report.series is None else (_wrapped(report.series.words, 2),)), _summary(report)]


def _finding_lines(finding: Finding) -> list[str]:
    lines = [
        _wrapped(f"{finding.severity.upper()} {finding.check}: {finding.evidence}", 2),
        _wrapped(f"  if ignored: {finding.consequence}", 4),
        f"  fix: {finding.fix}",
    ]
    if finding.samples:
        lines.append(f"  for example: {' '.join(finding.samples[:3])}")
    return lines


def _passed_lines(passed: Sequence[Passed]) -> list[str]:
    told = [_wrapped(f"ok {one.check}: {one.evidence}", 2) for one in passed if one.evidence]
    silent = [one.check for one in passed if not one.evidence]
    if silent:
        told.append(_wrapped(f"in order ({len(silent)}): {', '.join(silent)}", 2))
    return told


def _not_run_line(one: NotRun) -> str:
    return _wrapped(f"  {one.check}: {one.reason}", 4)


def _summary(report: Report) -> str:
    counts: dict[Severity, int] = {}
    for finding in report.findings:
        counts[finding.severity] = counts.get(finding.severity, 0) + 1
    found = ", ".join(f"{count} {severity.value}{'s' * (count > 1)}" for severity, count in counts.items())
    rows = f"; {sum(report.rows.values()):,} rows looked at" if report.rows else ""
    missing = "" if report.is_complete else "; not everything could be looked at"
    return f"{found or 'nothing found'}{rows}{missing}"


def _wrapped(text: str, indent: int) -> str:
    return fill(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False)
