"""The doctor at a crowd's database, and its advice followed."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

from migration.findings import Finding, Report
from tests.migration.conftest import Tools
from tests.migration.crowds import Crowd


def examined(tools: Tools, crowd: Crowd, *looks: str) -> Report:
    """Take some looks."""
    chosen = [part for look in looks for part in ("--only", look)]
    return tools("doctor", "--database-url", crowd.url, "--json", *chosen).report


def found(tools: Tools, crowd: Crowd, look: str) -> Sequence[Finding]:
    """Take one look and return what it found."""
    return examined(tools, crowd, look).findings


def mend(crowd: Crowd, findings: Sequence[Finding]) -> None:
    """Run what the findings say."""
    with psycopg.connect(crowd.url, autocommit=True) as connection:
        for finding in findings:
            connection.execute(finding.fix.encode())
