"""Charts as SVG text, for one HTML file without outside resources. Pure; texts from outside are escaped."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from msgspec import Struct

WIDTH: Final = 640
BAR_HEIGHT: Final = 22
BAR_GAP: Final = 8
LABEL_WIDTH: Final = 210
VALUE_WIDTH: Final = 90
COLUMNS_HEIGHT: Final = 180
AXIS: Final = 24
MAX_LABEL: Final = 26  # so many letters of 13 px fit


class Bar(Struct, frozen=True, kw_only=True):
    """One bar: its share of the full width, and what is written beside it."""

    label: str
    share: float
    value: str
    is_bad: bool = False


class Column(Struct, frozen=True, kw_only=True):
    """One column of two parts, standing on each other."""

    label: str
    lower: float
    upper: float


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Draw horizontal bars, one below the other."""
    height = len(rows) * (BAR_HEIGHT + BAR_GAP)
    room = WIDTH - LABEL_WIDTH - VALUE_WIDTH
    parts = [_bar(row, number * (BAR_HEIGHT + BAR_GAP), room) for number, row in enumerate(rows)]
    return _svg(title, height, parts)


def _bar(row: Bar, top: float, room: float) -> str:
    length = room * min(max(row.share, 0.0), 1.0)
    middle = top + BAR_HEIGHT * 0.7
    kind = "bar bad" if row.is_bad else "bar"
    return (
        f'<text x="{LABEL_WIDTH - 10}" y="{middle:g}" class="label" text-anchor="end">'
        f"{escape(_short(row.label))}</text>"
        f'<rect x="{LABEL_WIDTH}" y="{top:g}" width="{room:g}" height="{BAR_HEIGHT}" class="track"/>'
        f'<rect x="{LABEL_WIDTH}" y="{top:g}" width="{length:.1f}" height="{BAR_HEIGHT}" class="{kind}"/>'
        f'<text x="{WIDTH - VALUE_WIDTH + 10}" y="{middle:g}" class="value">{escape(row.value)}</text>'
    )


def columns(title: str, rows: Sequence[Column]) -> str:
    """Draw columns of two parts over a common scale; the upper part is what is to go."""
    tallest = max((row.lower + row.upper for row in rows), default=0.0) or 1.0
    step = WIDTH / max(len(rows), 1)
    parts = [_column(row, number * step, step, tallest) for number, row in enumerate(rows)]
    parts.append(f'<line x1="0" x2="{WIDTH}" y1="{COLUMNS_HEIGHT}" y2="{COLUMNS_HEIGHT}" class="axis"/>')
    every = max(1, len(rows) // 6)
    parts += [
        f'<text x="{(number + 0.5) * step:.1f}" y="{COLUMNS_HEIGHT + 16}" class="tick" text-anchor="middle">'
        f"{escape(row.label)}</text>"
        for number, row in enumerate(rows)
        if number % every == 0
    ]
    return _svg(title, COLUMNS_HEIGHT + AXIS, parts)


def _column(row: Column, left: float, step: float, tallest: float) -> str:
    width = min(step * 0.7, 48.0)
    start = left + (step - width) / 2
    lower = COLUMNS_HEIGHT * row.lower / tallest
    upper = COLUMNS_HEIGHT * row.upper / tallest
    return (
        f'<rect x="{start:.1f}" y="{COLUMNS_HEIGHT - lower:.1f}" width="{width:.1f}" height="{lower:.1f}" class="bar"/>'
        f'<rect x="{start:.1f}" y="{COLUMNS_HEIGHT - lower - upper:.1f}" width="{width:.1f}" height="{upper:.1f}" '
        'class="bar old"/>'
    )


def _svg(title: str, height: float, parts: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>{''.join(parts)}</svg>"
    )


def _short(text: str) -> str:
    return text if len(text) <= MAX_LABEL else text[: MAX_LABEL - 1] + "…"
