"""`python -m migration sql`: its exit statuses, what it says, and what it does not do."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import psycopg
import pytest

from migration.commands.sql import SqlReport
from migration.findings import Exit
from scripts.sandbox.postgres import Postgres
from tests.conftest import SandboxOf
from tests.logged import connected
from tests.migration.conftest import Tools
from tests.migration.crowds import AS_POSTGRES


@pytest.fixture
async def dsn(sandbox_of: SandboxOf) -> AsyncIterator[str]:
    """Yield a new database without the log, as its superuser."""
    async with Postgres(database_url=sandbox_of("db1").database_url) as postgres:
        yield postgres.dsn


def is_there(dsn: str) -> bool:
    """Tell whether the log's schema is."""
    with connected(dsn) as admin:
        return admin.execute("select to_regnamespace('chat_bridge') is not null").fetchone() == (True,)


def test_the_way_of_a_change_log(dsn: str, tools: Tools) -> None:
    """Installed as the role that a project gives out, looked at, damaged, repaired, removed."""
    url = ("--database-url", dsn + AS_POSTGRES)
    absent = tools("sql", "status", *url)
    assert (absent.status, "is not installed" in absent.out) == (Exit.FOUND, True)
    installed = tools("sql", "install", *url)
    assert (installed.status, "is installed" in installed.out) == (Exit.CLEAN, True)
    assert tools("sql", "status", *url).status == Exit.CLEAN
    with connected(dsn) as admin:
        admin.execute("drop trigger chat_bridge_delete on messages")
    damaged = tools("sql", "status", *url)
    assert damaged.status == Exit.FOUND
    assert "missing: the trigger on messages delete" in damaged.out
    assert tools("sql", "install", *url).status == Exit.CLEAN
    assert tools("sql", "status", *url).status == Exit.CLEAN
    assert tools("sql", "remove", *url).status == Exit.CLEAN
    assert not is_there(dsn)


def test_programs_get_a_document(dsn: str, tools: Tools) -> None:
    """With what was asked for to be kept."""
    ended = tools("sql", "install", "--database-url", dsn, "--keep-hours", "5", "--max-entries", "7", "--json")
    report = msgspec.json.decode(ended.out, type=SqlReport)
    assert report.state.missing == ()
    assert report.state.numbers is not None
    assert (report.state.numbers.keep_hours, report.state.numbers.max_entries) == (5, 7)


def test_looking_changes_nothing(dsn: str, tools: Tools) -> None:
    """Not even where nothing is."""
    tools("sql", "status", "--database-url", dsn)
    assert not is_there(dsn)


def test_what_is_printed_can_be_pasted(dsn: str, tools: Tools) -> None:
    """Without an address; nothing is asked."""
    for deed, there in (("install", True), ("remove", False)):
        ended = tools("sql", deed, "--print")
        assert ended.status == Exit.CLEAN
        with connected(dsn) as admin:
            admin.execute(ended.out.encode())
        assert is_there(dsn) is there


def test_there_is_nothing_to_print_of_a_look(tools: Tools) -> None:
    """One sentence."""
    ended = tools("sql", "status", "--print")
    assert (ended.status, ended.out) == (Exit.REFUSED, "")


def test_a_role_without_the_right_is_refused(dsn: str, tools: Tools) -> None:
    """Nothing is half there."""
    ended = tools("sql", "install", "--database-url", dsn + AS_POSTGRES.replace("postgres", "service_role"))
    assert ended.status == Exit.REFUSED
    assert "The role may not do that" in ended.err
    assert not is_there(dsn)


def test_a_database_that_is_no_chat_gets_no_triggers(dsn: str, tools: Tools) -> None:
    """The log is there and has nothing to record."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("drop table messages, conversation_participants, conversations, message_status cascade")
    assert tools("sql", "install", "--database-url", dsn).status == Exit.CLEAN
