"""Checks and repairs of a crowd's database, and repairs taken back."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from migration.findings import Report
from migration.fixing import FixReport
from migration.repairs import REPAIRS
from migration.undoing import Undone
from tests.migration.conftest import Tools
from tests.migration.crowds import TURNS, Crowd

# Of what is planted in each turn, this much has no safe repair; see the page about `fix`.
LEFT_ALONE = {
    "participants_by_auth_id": TURNS,  # those beside which there is a row by users.id
    "directs_with_one_member": 3,  # turns 1, 2 and 5: no sender, two, none; in turn 3 the creator is known
}

CHECKED = ("--share", "1", "--skip", "unread_counts", "--json")
PATIENCE_SECONDS = 60.0


def checked(tools: Tools, crowd: Crowd, *only: str) -> Report:
    """Run the checks, or these only."""
    chosen = [part for name in only for part in ("--only", name)]
    return tools("check", "--database-url", crowd.url, *CHECKED, *chosen).report


def fixed(tools: Tools, crowd: Crowd, *arguments: str) -> FixReport:
    """Run the repairs."""
    ended = tools("fix", "--database-url", crowd.url, "--json", "--share", "1", *arguments)
    return msgspec.json.decode(ended.out, type=FixReport)


def undone(tools: Tools, crowd: Crowd, path: str, *arguments: str) -> Undone:
    """Take repairs back."""
    ended = tools("fix", "--database-url", crowd.url, "--json", "--undo", path, *arguments)
    return msgspec.json.decode(ended.out, type=Undone)


def counts(report: Report) -> Mapping[str, int]:
    """Return what was found of that which has a repair."""
    return {one.check: one.count or 0 for one in report.findings if one.check in REPAIRS}
