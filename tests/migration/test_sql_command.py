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
    """Yield a new database without additions, as its superuser."""
    async with Postgres(database_url=sandbox_of("db1").database_url) as postgres:
        yield postgres.dsn


def is_there(dsn: str) -> bool:
    """Tell whether the schema of the additions is."""
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


@pytest.mark.parametrize(("only", "other"), [("change-log", "usage-ledger"), ("usage-ledger", "change-log")])
def test_one_addition_without_the_other(dsn: str, tools: Tools, only: str, other: str) -> None:
    """Each is whole by itself, and stays when the other goes; looking at both names the one that is not there."""
    url = ("--database-url", dsn + AS_POSTGRES)
    installed = tools("sql", "install", "--only", only, *url)
    assert (installed.status, installed.out.count("is installed")) == (Exit.CLEAN, 1)
    assert tools("sql", "status", "--only", only, *url).status == Exit.CLEAN
    assert tools("sql", "status", "--only", other, *url).status == Exit.FOUND
    both = tools("sql", "status", *url)
    assert (both.status, both.out.count("is installed."), both.out.count("is not installed.")) == (Exit.FOUND, 1, 1)
    assert tools("sql", "install", *url).status == Exit.CLEAN
    removed = tools("sql", "remove", "--only", other, *url)
    assert (removed.status, "is not installed" in removed.out) == (Exit.CLEAN, True)
    assert tools("sql", "status", "--only", only, *url).status == Exit.CLEAN
    assert tools("sql", "remove", "--only", only, *url).status == Exit.CLEAN
    assert not is_there(dsn)


def test_a_ledger_that_is_damaged_is_repaired(dsn: str, tools: Tools) -> None:
    """What is missing is named."""
    url = ("--database-url", dsn + AS_POSTGRES)
    tools("sql", "install", *url)
    with connected(dsn) as admin:
        admin.execute("drop table chat_bridge.usage_counted")
    damaged = tools("sql", "status", *url)
    assert damaged.status == Exit.FOUND
    assert "the change log is installed." in damaged.out
    assert "the usage ledger is not whole" in damaged.out
    assert "missing: chat_bridge.usage_counted\n" in damaged.out
    assert tools("sql", "install", *url).status == Exit.CLEAN


def test_a_ledger_of_another_version_is_left(dsn: str, tools: Tools) -> None:
    """And the change log is none the worse for it."""
    url = ("--database-url", dsn + AS_POSTGRES)
    tools("sql", "install", *url)
    with connected(dsn) as admin:
        admin.execute("alter table chat_bridge.usage_writes drop column by_legacy")
    ended = tools("sql", "install", *url)
    assert ended.status == Exit.REFUSED
    assert "chat_bridge.usage_writes: of another version" in ended.err
    assert tools("sql", "status", "--only", "change-log", *url).status == Exit.CLEAN


def test_what_is_kept_is_about_the_log(dsn: str, tools: Tools) -> None:
    """Whoever asks for it without the log is told so."""
    ended = tools("sql", "install", "--database-url", dsn, "--only", "usage-ledger", "--keep-hours", "5")
    assert ended.status == Exit.REFUSED
    assert "about the change log" in ended.err
    assert not is_there(dsn)


def test_programs_get_a_document(dsn: str, tools: Tools) -> None:
    """With what was asked for to be kept."""
    ended = tools("sql", "install", "--database-url", dsn, "--keep-hours", "5", "--max-entries", "7", "--json")
    report = msgspec.json.decode(ended.out, type=SqlReport)
    assert report.state is not None
    assert report.usage_ledger is not None
    assert report.state.missing == report.usage_ledger.missing == ()
    assert report.state.numbers is not None
    assert (report.state.numbers.keep_hours, report.state.numbers.max_entries) == (5, 7)


def test_looking_changes_nothing(dsn: str, tools: Tools) -> None:
    """Not even where nothing is."""
    tools("sql", "status", "--database-url", dsn)
    assert not is_there(dsn)


def test_what_is_printed_can_be_pasted(dsn: str, tools: Tools) -> None:
    """Without an address; nothing is asked."""
    for only in ((), ("--only", "change-log"), ("--only", "usage-ledger")):
        for deed, status in (("install", Exit.CLEAN), ("remove", Exit.FOUND)):
            ended = tools("sql", deed, "--print", *only)
            assert ended.status == Exit.CLEAN
            with connected(dsn) as admin:
                admin.execute(ended.out.encode())
            assert tools("sql", "status", "--database-url", dsn, *only).status == status
        assert not is_there(dsn)


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


def test_a_role_that_may_not_look_is_refused(dsn: str, tools: Tools) -> None:
    """The log is nobody's business but the owner's and the service role's."""
    assert tools("sql", "install", "--database-url", dsn).status == Exit.CLEAN
    url = ("--database-url", dsn + AS_POSTGRES.replace("postgres", "authenticated"))
    for only in (), ("--only", "usage-ledger"):
        ended = tools("sql", "status", *url, *only)
        assert (ended.status, "The role may not do that" in ended.err) == (Exit.REFUSED, True)


def test_a_database_that_is_no_chat_gets_no_log(dsn: str, tools: Tools) -> None:
    """It would be installed, and record nothing of the chat, which is elsewhere."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute("drop table messages, conversation_participants, conversations, message_status cascade")
    ended = tools("sql", "install", "--database-url", dsn)
    assert (ended.status, "is not a chat" in ended.err) == (Exit.REFUSED, True)
    assert not is_there(dsn)
