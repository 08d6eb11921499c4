"""`python -m migration doctor` over the API of a project: the sandbox, and projects that answer as a test says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import format_datetime

import httpx
import psycopg
import pytest

from bridge.clock import SystemClock
from migration.doctor import NotSeen, phoenix
from migration.errors import Refused
from migration.findings import Exit, Severity
from migration.project import Rest
from scripts.sandbox.address import SandboxAddress
from tests.conftest import SandboxOf
from tests.migration.conftest import CrowdOf, Tools
from tests.migration.crowds import AS_POSTGRES
from tests.migration.judging import NOW, SIGNED_WITH, Answer, evidence, look
from tests.migration.test_check_addresses import free_port


def use(sandbox: SandboxAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set everything that a project has."""
    monkeypatch.setenv("SUPABASE_URL", sandbox.url)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", sandbox.secret_key)
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", sandbox.publishable_key)
    monkeypatch.setenv("SUPABASE_JWT_SECRET", sandbox.jwt_secret)


def catalogue(sandbox: SandboxAddress) -> list[tuple[object, ...]]:
    """Return all schemas, tables and what is published."""
    with psycopg.connect(sandbox.database_url) as connection:
        return [
            *connection.execute("select nspname from pg_namespace where nspname !~ '^pg_(toast_)?temp' order by 1"),
            *connection.execute("select schemaname, tablename from pg_tables order by 1, 2"),
            *connection.execute("select schemaname, tablename from pg_publication_tables order by 1, 2"),
        ]


def test_a_project_over_rest_alone(sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the API can tell is told; the rest says what it needs."""
    use(sandbox, monkeypatch)
    ended = tools("doctor", "--json")
    assert ended.status == Exit.FOUND
    report = ended.report
    assert {one.check for one in report.passed} == {"keys", "signing", "clock", "tables", "realtime"}
    assert sorted(one.evidence for one in report.findings) == [
        f"The anon key reads {table}." for table in ("conversation_participants", "conversations", "messages", "users")
    ]
    assert {one.reason for one in report.not_run if one.applies} == {
        "it needs a direct connection; set MIGRATION_DATABASE_URL"
    }


def test_a_project_with_its_database(sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look is taken but the one that writes, and nobody misses that."""
    use(sandbox, monkeypatch)
    report = tools("doctor", "--database-url", sandbox.database_url + AS_POSTGRES, "--json").report
    assert [(one.check, one.applies) for one in report.not_run] == [("change", False)]
    assert report.is_complete
    told = tools("doctor", "--database-url", sandbox.database_url + AS_POSTGRES).out
    assert "not asked for:\n  change: it makes a table for a moment; --write-canary allows it" in told
    assert "does not apply" not in told


def test_two_sides_of_different_chats_are_refused(
    sandbox: SandboxAddress, crowd_of: CrowdOf, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Policies of a copy, say, are not those of the project."""
    use(sandbox, monkeypatch)
    ended = tools("doctor", "--database-url", crowd_of("db1").url)
    assert (ended.status, ended.err) == (
        Exit.REFUSED,
        "migration: SUPABASE_URL and MIGRATION_DATABASE_URL are not the same database.\n",
    )


def test_a_row_makes_the_whole_way(sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """Committed, published, received; and nothing is left behind."""
    use(sandbox, monkeypatch)
    before = catalogue(sandbox)
    url = sandbox.database_url + AS_POSTGRES
    ended = tools("doctor", "--database-url", url, "--json", "--write-canary", "--only", "change")
    (passed,) = ended.report.passed
    assert passed.evidence.startswith("a committed row arrived after ")
    assert catalogue(sandbox) == before


def test_the_canary_needs_the_right_to_make_a_table(
    sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A role that may not says so, and that counts as not looked at."""
    use(sandbox, monkeypatch)
    url = f"{sandbox.database_url}?options=-c%20role%3Dservice_role"
    ended = tools("doctor", "--database-url", url, "--json", "--write-canary", "--only", "change")
    assert ended.status == Exit.INCOMPLETE
    assert [one.reason for one in ended.report.not_run] == [
        "the role may not create a schema or change the publication"
    ]


@contextmanager
def unpublished(sandbox: SandboxAddress, table: str) -> Iterator[None]:
    """Take a table out of the publication until the block ends."""
    with psycopg.connect(sandbox.database_url, autocommit=True) as connection:
        connection.execute(f"alter publication supabase_realtime drop table {table}".encode())
        try:
            yield
        finally:
            connection.execute(f"alter publication supabase_realtime add table {table}".encode())


def test_a_subscription_that_is_refused_is_told(
    sandbox_of: SandboxOf, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With Realtime's own reason."""
    sandbox = sandbox_of("db2-bare")
    use(sandbox, monkeypatch)
    with unpublished(sandbox, "message_status"):
        report = tools("doctor", "--json", "--only", "realtime").report
    (finding,) = report.findings
    assert finding.severity is Severity.WARNING
    assert finding.evidence.startswith("A subscription to message_status is not confirmed: ")
    assert "add table public.message_status" in finding.fix


def test_missing_columns_are_seen_over_rest(
    sandbox_of: SandboxOf, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By asking for them."""
    sandbox = sandbox_of("db2-bare")
    use(sandbox, monkeypatch)
    with psycopg.connect(sandbox.database_url, autocommit=True) as connection:
        connection.execute("alter table messages rename column metadata to meta")
        try:
            report = tools("doctor", "--json", "--only", "tables").report
        finally:
            connection.execute("alter table messages rename column meta to metadata")
    assert [one.fix for one in report.findings] == [
        "alter table public.messages add column metadata jsonb default '{}';"
    ]


def test_wrong_settings_of_a_real_project_are_told(
    sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its gateway and PostgREST are what knows them."""
    use(sandbox, monkeypatch)
    only = ("--only", "keys", "--only", "signing", "--json")
    assert tools("doctor", *only).status == Exit.CLEAN
    monkeypatch.setenv("SUPABASE_PUBLISHABLE_KEY", "sb_publishable_of_another_project")
    monkeypatch.setenv("SUPABASE_JWT_SECRET", SIGNED_WITH)
    found = tools("doctor", *only).report.findings
    assert [(one.check, one.severity) for one in found] == [("keys", Severity.ERROR), ("signing", Severity.ERROR)]


def test_a_project_that_goes_away_in_the_middle_leaves_what_was_seen(
    sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 3, and the other looks are told; that nothing was looked at would not be true."""
    use(sandbox, monkeypatch)

    def gone(_: Rest, key: str) -> bool:
        raise Refused("SUPABASE_URL does not answer: ConnectError.")

    monkeypatch.setattr(Rest, "takes", gone)
    ended = tools("doctor", "--only", "keys", "--only", "tables", "--json")
    assert ended.status == Exit.INCOMPLETE
    assert [(one.check, one.reason) for one in ended.report.not_run] == [
        ("keys", "SUPABASE_URL does not answer: ConnectError.")
    ]
    assert [one.check for one in ended.report.passed] == ["tables"]


def dated(offset: timedelta) -> Answer:
    """Answer with a clock that differs by so much."""
    return lambda _: httpx.Response(200, json=[], headers={"Date": format_datetime(NOW + offset, usegmt=True)})


@pytest.mark.parametrize(
    ("offset", "severity"),
    [(0, None), (-2, None), (4, Severity.WARNING), (-60, Severity.ERROR), (3600, Severity.ERROR)],
)
def test_clocks_are_compared(offset: int, severity: Severity | None) -> None:
    """To the second that a Date header tells; beyond the leeway fresh tokens are refused."""
    seen = look("clock", dated(timedelta(seconds=offset)))
    assert [finding.severity for finding in seen.findings] == ([severity] if severity else [])


def test_nobody_may_tell_the_time() -> None:
    """Then it is not known."""
    with pytest.raises(NotSeen):
        look("clock", lambda _: httpx.Response(200, json=[]))


def test_without_a_public_key_nobody_knows_what_it_reads() -> None:
    """It is not guessed."""
    with pytest.raises(NotSeen):
        look("open_tables")


def test_a_realtime_that_refuses_is_told() -> None:
    """With the status, or that nobody is there."""
    seen = look("realtime", supabase_url=f"http://127.0.0.1:{free_port()}")
    assert evidence(seen) == [(Severity.ERROR, "Realtime refuses the connection: ConnectionRefusedError.")]


def test_a_wrong_key_is_refused_by_realtime(sandbox: SandboxAddress) -> None:
    """Before any frame."""
    with (
        pytest.raises(phoenix.Unreachable, match="status 401"),
        phoenix.line(sandbox.url, "sb_secret_wrong", SystemClock()),
    ):
        pytest.fail("connected")


def test_a_frame_that_does_not_come_is_not_waited_for_long(sandbox: SandboxAddress) -> None:
    """Its absence is evidence enough."""
    with (
        phoenix.line(sandbox.url, sandbox.secret_key, SystemClock()) as line,
        pytest.raises(NotSeen, match="no answer within 0 s"),
    ):
        line.wait(lambda _: False, 0.1)
