"""What was measured is kept and added up, and the document shows it."""

from __future__ import annotations

import re
from pathlib import Path

from scripts.chaos.faults import FAULTS
from scripts.soaking.results import (
    DOCUMENT,
    PARTS,
    AutobahnRun,
    DrainRun,
    FaultRun,
    InputsRun,
    MemoryRun,
    Result,
    keep,
    kept,
    with_parts,
    write,
)

GOOD = FaultRun(
    fault="none",
    messages=100,
    lost=0,
    duplicated=0,
    out_of_order=0,
    late=1,
    leaked=0,
    recovery_seconds=None,
    seconds=1.0,
)
BAD = FaultRun(
    fault="bridge-kill",
    messages=50,
    lost=2,
    duplicated=3,
    out_of_order=4,
    late=0,
    leaked=5,
    recovery_seconds=1.25,
    seconds=1.0,
)
MEMORY = MemoryRun(client="one", minutes=10, before_mb=80.4, peak_mb=90.1, after_mb=85, closed=7, told="3 messages")
TEXT = "before\n<!-- made by scripts/soak: {part} -->\nold\n<!-- end -->\nafter\n"


def cells(text: str) -> list[list[str]]:
    """Return the lines of a table."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    """In order; nothing is kept at first."""
    path = tmp_path / "soak" / "results.jsonl"
    assert kept(path) == []
    results: list[Result] = [
        GOOD,
        MEMORY,
        DrainRun(sockets=9, restarted=8, seconds=1.0, status=0),
        InputsRun(kind="x", tried=1),
    ]
    for one in results:
        keep(one, path)
    assert kept(path) == results


def test_runs_of_a_fault_add_up_and_the_worst_recovery_counts() -> None:
    """In the order of the list of faults; nothing bad is left out."""
    worse = FaultRun(**{**{name: getattr(BAD, name) for name in BAD.__struct_fields__}, "recovery_seconds": 7.0})
    _, _, none, killed = cells(with_parts(TEXT.format(part="faults"), [BAD, GOOD, worse]))
    assert none[1:] == ["1", "100", "0", "0", "0", "1", "0", ""]
    assert killed[1:] == ["2", "100", "4", "6", "8", "0", "10", "7.0 s"]


def test_of_other_measurements_the_newest_counts() -> None:
    """One line for each thing measured."""
    results: list[Result] = [InputsRun(kind="frames", tried=1), InputsRun(kind="frames", tried=12345), MEMORY]
    assert cells(with_parts(TEXT.format(part="inputs"), results))[2:] == [["frames", "12,345"]]
    assert cells(with_parts(TEXT.format(part="memory"), results))[2][1:5] == ["10 min", "80 MB", "90 MB", "85 MB"]


def test_a_part_of_which_nothing_was_measured_stays() -> None:
    """And so does what is around a part that was."""
    text = TEXT.format(part="autobahn")
    assert with_parts(text, [GOOD]) == text
    made = with_parts(text, [AutobahnRun(behaviours={"OK": 3, "FAILED": 1}, failed=["1.1"])])
    assert made.startswith("before\n")
    assert made.endswith("\nafter\n")
    assert cells(made)[2:] == [["FAILED", "1"], ["OK", "3"]]


def test_the_document_has_a_place_for_every_part(tmp_path: Path) -> None:
    """And for none that is not made."""
    assert re.findall(r"made by scripts/soak: (\w+)", DOCUMENT.read_text()) == [*PARTS]
    copy = tmp_path / "reliability.md"
    copy.write_text(DOCUMENT.read_text())
    write([GOOD], copy)
    assert FAULTS["none"].meaning in copy.read_text()
