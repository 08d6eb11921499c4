"""The tables of the pages about the migration tools, from the tools' own lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from migration.checks import CHECKS
from migration.doctor import LOOKS
from migration.parity import COMPARISONS, OldSide
from migration.repairs import REPAIRS

Table = tuple[Sequence[str], Iterable[Sequence[str]]]
"""The head and the rows."""


def looks() -> Table:
    """Return every look of the doctor."""
    return ("look", "what it tells"), ((f"`{one.name}`", one.meaning) for one in LOOKS.values())


def checks() -> Table:
    """Return every data check."""
    rows = (
        (
            f"`{one.name}`",
            one.severity.value,
            one.meaning,
            one.consequence,
            "[`fix`](migration-fix.md)" if one.name in REPAIRS else _readable(one.fix),
        )
        for one in CHECKS.values()
    )
    return ("check", "severity", "it finds", "if ignored", "to mend it"), rows


def repairs() -> Table:
    """Return every repair."""
    rows = ((f"`{one.check}`", one.what, one.why_safe) for one in REPAIRS.values())
    return ("repair", "what it does", "why that is safe, and what is left alone"), rows


def comparisons(old: OldSide) -> Table:
    """Return every comparison with one old way."""
    rows = ((f"`{one.name}`", one.control) for one in COMPARISONS[old].values())
    return ("action", "what clients did before"), rows


def declared_differences(old: OldSide) -> Table:
    """Return every difference that is meant, from one old way."""
    rows = (
        (f"`{one.name}`", f"`{comparison.name}`", one.why)
        for comparison in COMPARISONS[old].values()
        for one in comparison.declared
    )
    return ("difference", "of", "why"), rows


def _readable(statement: str) -> str:
    """Return a statement so that readers of Markdown do not take `<id>` for HTML and leave it out."""
    return statement.replace("<", "&lt;")
