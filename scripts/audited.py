"""Says what an audit of the locked packages found: pip-audit itself calls it good if it could check nothing."""

from __future__ import annotations

import sys

import msgspec

KNOWN = 1
FAILED = 2
UNCHECKED = 3


class Dependency(msgspec.Struct, frozen=True):
    """A package of pip-audit's report."""

    name: str
    version: str = ""
    skip_reason: str | None = None
    vulns: list[dict[str, object]] = []


class Report(msgspec.Struct, frozen=True):
    """Pip-audit's report."""

    dependencies: list[Dependency]


def judge(body: bytes) -> tuple[int, list[str]]:
    """Return exit status and lines to be shown."""
    try:
        report = msgspec.json.decode(body, type=Report)
    except msgspec.DecodeError:
        return FAILED, ["audit: pip-audit failed; what it said is above."]
    lines = [
        f"audit: {one.name} {one.version}: {found.get('id')}, corrected in {found.get('fix_versions')}"
        for one in report.dependencies
        for found in one.vulns
    ]
    unchecked = [one.name for one in report.dependencies if one.skip_reason is not None]
    total = len(report.dependencies)
    if lines:
        return KNOWN, lines
    if unchecked or not total:
        return UNCHECKED, [
            f"audit: {len(unchecked)} of {total} packages could not be checked: no advisories from here."
        ]
    return 0, [f"audit: nothing is known against {total} packages."]


def main() -> int:
    """Judge the report on standard input."""
    status, lines = judge(sys.stdin.buffer.read())
    print("\n".join(lines), file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
