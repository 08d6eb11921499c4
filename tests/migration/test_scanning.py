"""Going through tables: the size of pages, timeouts, questions that fail and interruptions change no result."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import msgspec
import pytest

from bridge.clock import SystemClock
from migration.checks import CHECKS
from migration.checks.definition import Check
from migration.database import Database, connected
from migration.errors import Interrupted
from migration.findings import Severity
from migration.scanning import Pace, Scan, Scanner, scans_of
from migration.shape import Shape, read_shape
from migration.state import RunState
from tests.migration.conftest import CrowdOf
from tests.migration.crowds import PLANTED, Crowd, execute

FAST = Pace(share=1.0)


class Going:
    """A connection to the crowd of DB-3, and runs over it."""

    def __init__(self, database: Database, shape: Shape, crowd: Crowd) -> None:
        self.database = database
        self.shape = shape
        self.crowd = crowd
        self.asked: list[str] = []

    def state(self) -> RunState:
        """Return a new run's state."""
        return RunState(fingerprint="", as_of=datetime.now(UTC), checks=[], sample_size=10_000)

    def run(self, checks: Sequence[Check], state: RunState, pace: Pace = FAST) -> None:
        """Go through the checks' tables."""
        scanner = Scanner(self.database, self.shape, state, pace, SystemClock())
        scanner.run(scans_of(checks), lambda: None, lambda scan, _: self.asked.append(scan.name))


@pytest.fixture
def going(crowd_of: CrowdOf) -> Iterator[Going]:
    """Yield the means to go through a crowd."""
    crowd = crowd_of("db3")
    with connected(crowd.url, timeout_seconds=30, read_only=True) as database:
        with database.looking() as connection:
            shape = read_shape(connection)
        yield Going(database, shape, crowd)


def usable(shape: Shape) -> list[Check]:
    """Return the checks that this database can be asked."""
    return [CHECKS[name] for name in PLANTED if CHECKS[name].lacks(shape) is None]


def odd(name: str, condition: str) -> Check:
    """Return a check of the messages that is no real one."""
    return Check(
        name=name,
        meaning="",
        severity=Severity.NOTICE,
        consequence="",
        fix="",
        table="messages",
        sql=f"select t.id from {{rows}} t where {{page}} and {condition}",
    )


@pytest.mark.parametrize("page_rows", [5, 37, 100_000])
def test_the_size_of_pages_does_not_matter(page_rows: int, going: Going) -> None:
    """A few rows, some, or all at once: the same is found."""
    small = [check for check in usable(going.shape) if check.table in {"typing_indicators", "groups", "deliveries"}]
    state = going.state()
    going.run(small, state, Pace(page_rows=page_rows, share=1.0))
    for check in small:
        assert sorted(state.tally(check.name).samples) == going.crowd.expected(check.name)


def test_rows_are_counted_once(going: Going) -> None:
    """Also where several rows share a key, as messages of one moment and deliveries of one message do."""
    state = going.state()
    going.run(usable(going.shape), state, Pace(page_rows=50, share=1.0))
    for scan, table in (("messages.created_at", "messages"), ("deliveries.message_id", "deliveries")):
        assert state.place(scan).rows == going.crowd.manifest.rows[table]


def test_a_page_that_takes_too_long_is_halved(crowd_of: CrowdOf) -> None:
    """Until it is quick enough; nothing is skipped."""
    crowd = crowd_of("db3")
    slow = odd("slow", "case when (select count(*) from {rows}) > 300 then pg_sleep(60)::text = '' end")
    with connected(crowd.url, timeout_seconds=1, read_only=True) as database:
        with database.looking() as connection:
            shape = read_shape(connection)
        going = Going(database, shape, crowd)
        state = going.state()
        going.run([slow], state, Pace(page_rows=1000, share=1.0))
    assert state.tally("slow").failed is None
    assert state.place("messages.id").rows == crowd.manifest.rows["messages"]
    assert len(going.asked) > crowd.manifest.rows["messages"] // 300


def test_a_question_that_is_always_too_slow_is_given_up(crowd_of: CrowdOf) -> None:
    """It says so, and the others of its table are answered all the same."""
    crowd = crowd_of("db3")
    endless, tied = odd("endless", "pg_sleep(60)::text = ''"), CHECKS["replies_across_conversations"]
    with connected(crowd.url, timeout_seconds=1, read_only=True) as database:
        with database.looking() as connection:
            shape = read_shape(connection)
        going = Going(database, shape, crowd)
        state = going.state()
        going.run([endless, tied], state, Pace(page_rows=150, share=1.0))  # smaller ones there are not
    assert state.tally("endless").failed == "it took longer than --statement-timeout allows"
    assert state.tally(tied.name).count == len(crowd.expected(tied.name))


def test_a_question_that_fails_does_not_take_others_along(going: Going) -> None:
    """The reason is a code, never a row that the server quotes."""
    broken = odd("broken", "(t.encrypted_content::text)::integer = 1")
    state = going.state()
    going.run([broken, CHECKS["copies_missing"]], state)
    assert state.tally("broken").failed == "PostgreSQL refused the question with 22P02"
    assert sorted(state.tally("copies_missing").samples) == going.crowd.expected("copies_missing")


class Stopped(Exception):
    """A kill, at a chosen page."""


@pytest.mark.parametrize("page", [1, 2, 7, 20])
def test_a_run_that_was_stopped_goes_on(page: int, going: Going) -> None:
    """From the state as it was after any page, the same is found as without a break."""
    checks = usable(going.shape)
    state = going.state()
    saved: list[bytes] = []

    def moved(scan: Scan, rows: int) -> None:
        saved.append(msgspec.json.encode(state))
        if len(saved) == page:
            raise Stopped

    pace = Pace(page_rows=300, share=1.0)
    scanner = Scanner(going.database, going.shape, state, pace, SystemClock())
    with pytest.raises(Stopped):
        scanner.run(scans_of(checks), lambda: None, moved)
    resumed = msgspec.json.decode(saved[-1], type=RunState)
    going.run(checks, resumed, pace)
    for check in checks:
        assert sorted(resumed.tally(check.name).samples) == going.crowd.expected(check.name)
        assert resumed.tally(check.name).count == len(going.crowd.expected(check.name))


def lose(crowd: Crowd) -> None:
    """Go through a crowd over a connection that ends at the beginning."""
    with connected(crowd.url, timeout_seconds=30, read_only=True) as database:
        with database.looking() as connection:
            shape, backend = read_shape(connection), connection.info.backend_pid
        going = Going(database, shape, crowd)
        execute(crowd, f"select pg_terminate_backend({backend})")
        going.run(usable(shape), going.state())


def test_a_lost_connection_is_an_interruption(crowd_of: CrowdOf) -> None:
    """Whoever lost it is told how to go on."""
    with pytest.raises(Interrupted, match="--resume"):
        lose(crowd_of("db3"))


def test_without_an_index_the_planner_decides(going: Going) -> None:
    """Going by index where there is none would read the whole table for each row."""
    bare = msgspec.structs.replace(going.shape, indexes=())
    state = going.state()
    scanner = Scanner(going.database, bare, state, FAST, SystemClock())
    scanner.run(scans_of(usable(going.shape)), lambda: None, lambda *_: None)
    for check in usable(going.shape):
        assert sorted(state.tally(check.name).samples) == going.crowd.expected(check.name)
