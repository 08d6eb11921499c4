"""Percentiles and tables for people."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what was measured, its numbers, and the goal where there is one."""

    name: str
    values: Sequence[str]


def percentile(sample: Sequence[float], share: float) -> float:
    """Return the nearest-rank percentile; `share` between 0 and 1."""
    ordered = sorted(sample)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def milliseconds(seconds: float) -> str:
    """Show a duration."""
    return f"{seconds * 1000:.2f} ms"


def latency_row(name: str, sample: Sequence[float], goal: str = "") -> Row:
    """Summarise durations in seconds."""
    return Row(
        name,
        [
            str(len(sample)),
            milliseconds(percentile(sample, 0.5)),
            milliseconds(percentile(sample, 0.99)),
            milliseconds(max(sample)),
            goal,
        ],
    )


LATENCY_HEADINGS = ("", "n", "p50", "p99", "max", "goal")


def table_text(headings: Sequence[str], rows: Sequence[Row]) -> str:
    """Return a table in Markdown, its columns aligned."""
    cells = [list(headings), *([row.name, *row.values] for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(headings))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(one, widths, strict=True)) + " |" for one in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def print_table(title: str, headings: Sequence[str], rows: Sequence[Row]) -> None:
    """Print a table in Markdown, so that it can be pasted into the documents."""
    print(f"\n### {title}\n\n{table_text(headings, rows)}")
