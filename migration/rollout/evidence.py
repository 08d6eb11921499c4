"""What other tools have measured and kept: readings for gates that no bridge measures by itself.

Another tool is another line in SOURCES.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bridge.rollout.gates import Measure
from migration.audit import LOST
from migration.audit import REPORT as AUDIT
from migration.errors import Refused
from migration.findings import read_report
from migration.parity import OldSide
from migration.parity.running import REPORTS as PARITY
from migration.parity.tally import ParityReport

FRESH: Final = timedelta(hours=24)
"""What was measured longer ago says nothing about now."""


class Measured(Struct, frozen=True):
    """A value, and when it was measured."""

    at: datetime
    value: float | None


def _consistency(text: bytes) -> Measured:
    """Read the share of the action in which both ways agree least; what was asked of one old way."""
    report = msgspec.json.decode(text, type=ParityReport)
    shares = [one.consistency for one in report.actions if one.consistency is not None]
    return Measured(report.ended_at, min(shares, default=None))


def _lost(text: bytes) -> Measured:
    """Read how many messages the audit missed, in all runs; one that could not look at every bridge says nothing.

    In a series of runs the last one counts for that: a gap of long ago is for people to judge, who are told of it.
    """
    report = read_report(text)
    count = sum(one.count or 0 for one in report.findings if one.check == LOST)
    is_complete = report.series.is_last_complete if report.series else report.is_complete
    return Measured(report.ended_at, count if is_complete else None)


SOURCES: Final[Sequence[tuple[Measure, str, Callable[[bytes], Measured]]]] = (
    *((Measure.CONSISTENCY, PARITY[old], _consistency) for old in OldSide),
    (Measure.LOST, AUDIT, _lost),
)


def evidence(directory: Path, now: datetime) -> dict[Measure, float]:
    """Return what is known from the reports in a directory; what is missing or old is not known.

    Only of consistency there are two reports: the smaller share counts.

    Raises:
        Refused: a file is there that is no such report.

    """
    found: dict[Measure, float] = {}
    for measure, name, read in SOURCES:
        measured = _measured(directory / name, read)
        if measured is None or measured.value is None or now - measured.at > FRESH:
            continue
        found[measure] = min(found.get(measure, measured.value), measured.value)
    return found


def _measured(path: Path, read: Callable[[bytes], Measured]) -> Measured | None:
    if not path.exists():
        return None
    try:
        return read(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"{path} cannot be read as a report ({type(error).__name__}).") from None
