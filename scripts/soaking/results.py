"""What was measured, kept from run to run, and the part of docs/reliability.md that is made of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec import Struct

from scripts.benchmarks.tables import Row, table_text
from scripts.chaos.faults import FAULTS
from scripts.stack import ROOT

RESULTS: Final = ROOT / ".sandbox" / "soak" / "results.jsonl"
DOCUMENT: Final = ROOT / "docs" / "reliability.md"
_PART: Final = re.compile(r"(<!-- made by scripts/soak: (.+?) -->\n).*?(<!-- end -->)", re.DOTALL)


class FaultRun(Struct, frozen=True, kw_only=True, tag="fault"):
    """One trial under one fault."""

    fault: str
    messages: int
    lost: int
    duplicated: int
    out_of_order: int
    late: int
    leaked: int
    recovery_seconds: float | None
    seconds: float


class MemoryRun(Struct, frozen=True, kw_only=True, tag="memory"):
    """The bridge's memory while somebody behaves badly, in MB."""

    client: str
    minutes: float
    before_mb: float
    peak_mb: float
    after_mb: float
    closed: int
    told: str


class DrainRun(Struct, frozen=True, kw_only=True, tag="drain"):
    """The end of a bridge with many sockets."""

    sockets: int
    restarted: int
    """How many were closed with 1012."""
    seconds: float
    status: int


class InputsRun(Struct, frozen=True, kw_only=True, tag="inputs"):
    """Bad inputs that were tried."""

    kind: str
    tried: int


class AutobahnRun(Struct, frozen=True, kw_only=True, tag="autobahn"):
    """The totals of the Autobahn test suite, by behaviour."""

    behaviours: Mapping[str, int]
    failed: Sequence[str]


Result = FaultRun | MemoryRun | DrainRun | InputsRun | AutobahnRun
R = TypeVar("R", bound=Result)
_lines: Final = msgspec.json.Decoder(Result)


def keep(result: Result, path: Path = RESULTS) -> None:
    """Add a result to those of earlier runs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(msgspec.json.encode(result) + b"\n")


def kept(path: Path = RESULTS) -> list[Result]:
    """Return all results so far, oldest first."""
    if not path.exists():
        return []
    return [_lines.decode(line) for line in path.read_bytes().splitlines()]


def write(results: Sequence[Result], path: Path = DOCUMENT) -> None:
    """Make the parts of the document anew; a part of which nothing was measured stays as it is."""
    path.write_text(with_parts(path.read_text(), results))


def with_parts(text: str, results: Sequence[Result]) -> str:
    """Return a document with its parts made of these results."""

    def made(found: re.Match[str]) -> str:
        table = PARTS[found[2]](results)
        return found[0] if table is None else f"{found[1]}\n{table}\n\n{found[3]}"

    return _PART.sub(made, text)


def _of(results: Iterable[Result], kind: type[R]) -> list[R]:
    return [one for one in results if isinstance(one, kind)]


def _faults(results: Sequence[Result]) -> str | None:
    runs = _of(results, FaultRun)
    rows = [_fault_row(name, [one for one in runs if one.fault == name]) for name in FAULTS]
    headings = ("fault", "runs", "messages", "lost", "duplicated", "out of order", "late", "leaked", "recovered after")
    return table_text(headings, [row for row in rows if row is not None]) if runs else None


def _fault_row(name: str, runs: Sequence[FaultRun]) -> Row | None:
    if not runs:
        return None
    recovered = [one.recovery_seconds for one in runs if one.recovery_seconds is not None]
    counts = ("messages", "lost", "duplicated", "out_of_order", "late", "leaked")
    sums = [str(sum(getattr(one, count) for one in runs)) for count in counts]
    return Row(
        f"{name}: {FAULTS[name].meaning}", [str(len(runs)), *sums, f"{max(recovered):.1f} s" if recovered else ""]
    )


def _memory(results: Sequence[Result]) -> str | None:
    rows = [
        Row(
            run.client,
            [
                f"{run.minutes:g} min",
                *(f"{megabytes:.0f} MB" for megabytes in (run.before_mb, run.peak_mb, run.after_mb)),
                str(run.closed),
                run.told,
            ],
        )
        for run in {one.client: one for one in _of(results, MemoryRun)}.values()
    ]
    headings = ("client", "for", "before", "at most", "after it", "closed by the bridge", "meanwhile")
    return table_text(headings, rows) if rows else None


def _drain(results: Sequence[Result]) -> str | None:
    rows = [
        Row(f"{run.sockets}", [str(run.restarted), f"{run.seconds:.1f} s", str(run.status)])
        for run in {one.sockets: one for one in _of(results, DrainRun)}.values()
    ]
    headings = ("sockets", "closed with 1012", "SIGTERM to end of process", "exit status")
    return table_text(headings, rows) if rows else None


def _inputs(results: Sequence[Result]) -> str | None:
    newest = {one.kind: one for one in _of(results, InputsRun)}
    rows = [Row(run.kind, [f"{run.tried:,}"]) for run in newest.values()]
    return table_text(("bad inputs", "tried"), rows) if rows else None


def _autobahn(results: Sequence[Result]) -> str | None:
    runs = _of(results, AutobahnRun)
    if not runs:
        return None
    rows = [Row(name, [str(count)]) for name, count in sorted(runs[-1].behaviours.items())]
    return table_text(("behaviour", "cases"), rows)


PARTS: Final[Mapping[str, Callable[[Sequence[Result]], str | None]]] = {
    "faults": _faults,
    "memory": _memory,
    "drain": _drain,
    "inputs": _inputs,
    "autobahn": _autobahn,
}
