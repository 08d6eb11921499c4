"""Every data check finds what is planted for it, and nothing else, in every generation of the schema."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import psycopg
import pytest

from bridge.clock import SystemClock
from migration.checking import Wishes, check
from migration.checks import CHECKS
from migration.findings import Report
from migration.scanning import Pace
from migration.settings import Target
from migration.voice import Voice
from scripts.sandbox.crowd.defects import CHANGING, NO_TEXT, STOPPING
from scripts.sandbox.generations import GENERATIONS, Generation
from tests.migration.conftest import CrowdOf
from tests.migration.crowds import PLANTED, Crowd, dump

ReportOf = Callable[[Generation], Report]

EVERYTHING = Wishes(checks=tuple(PLANTED), sample_size=10_000, pace=Pace(page_rows=300, share=1.0))
"""Pages small enough that each table has several, and that defects sit on their edges."""


@pytest.fixture(scope="session")
def report_of(crowd_of: CrowdOf, tmp_path_factory: pytest.TempPathFactory) -> ReportOf:
    """Return a function that checks a generation, once."""
    reports: dict[Generation, Report] = {}

    def report(generation: Generation) -> Report:
        if generation not in reports:
            reports[generation] = checked(crowd_of(generation), tmp_path_factory.mktemp("checked"))
        return reports[generation]

    return report


def checked(crowd: Crowd, directory: Path, wishes: Wishes = EVERYTHING) -> Report:
    """Run the checks."""
    clock = SystemClock()
    target = Target(database_url=crowd.url, project=None, directory=directory)
    return check(target, wishes, clock, Voice(clock, as_json=False))


def found(report: Report) -> Mapping[str, list[str]]:
    """Return the keys found by check."""
    return {finding.check: sorted(finding.samples) for finding in report.findings}


@pytest.mark.parametrize("generation", GENERATIONS)
def test_checks_find_what_is_planted_and_nothing_else(
    generation: Generation, crowd_of: CrowdOf, report_of: ReportOf
) -> None:
    """All of it, none invented, in each generation and each state between two of them."""
    crowd, report = crowd_of(generation), report_of(generation)
    expected = {name: crowd.expected(name) for name in PLANTED if crowd.expected(name)}
    assert found(report) == expected
    assert {one.check for one in report.not_run} == set(PLANTED) - expected.keys()


def test_every_check_has_something_to_find(crowd_of: CrowdOf) -> None:
    """In one generation or another; a check that nothing is planted for has not been tried."""
    planted = {name for generation in GENERATIONS for name in crowd_of(generation).manifest.expected}
    assert planted == set(PLANTED)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_counts_are_those_of_the_keys(generation: Generation, report_of: ReportOf) -> None:
    """Of rows, not of pages; and nothing was left out for a reason of ours."""
    report = report_of(generation)
    assert [finding.check for finding in report.findings if finding.count != len(finding.samples)] == []
    assert report.is_complete


def test_a_check_writes_nothing(crowd_of: CrowdOf, tmp_path: Path) -> None:
    """Not a row, not a time."""
    crowd = crowd_of("db3")
    before = dump(crowd)
    checked(crowd, tmp_path)
    assert dump(crowd) == before


@pytest.mark.parametrize("text", STOPPING)
def test_what_is_said_to_stop_the_cast_stops_it(text: str, crowd_of: CrowdOf) -> None:
    """PostgreSQL is the judge (contract F40)."""
    with psycopg.connect(crowd_of("db1").superuser) as connection, pytest.raises(psycopg.DataError):
        connection.execute("select %s::text::bytea", (text,))


@pytest.mark.parametrize("text", CHANGING)
def test_what_is_said_to_be_changed_by_the_cast_is(text: str, crowd_of: CrowdOf) -> None:
    """It succeeds, and the bytes are not those of the text."""
    with psycopg.connect(crowd_of("db1").superuser) as connection:
        ((cast,),) = connection.execute("select %s::text::bytea", (text,)).fetchall()
    assert cast != text.encode()


@pytest.mark.parametrize("content", NO_TEXT)
def test_what_is_said_to_be_no_text_is_none(content: bytes, crowd_of: CrowdOf) -> None:
    """PostgreSQL refuses it, too."""
    with psycopg.connect(crowd_of("db1").superuser) as connection, pytest.raises(psycopg.DataError):
        connection.execute("select convert_from(%s, 'UTF8')", (content,))


def test_names_are_said_once() -> None:
    """A check's name is what people type and what reports are compared by."""
    assert all(name == check.name and name.isidentifier() for name, check in CHECKS.items())
