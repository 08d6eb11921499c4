"""`python -m migration audit`: what was told is proven, and what was not is named."""

from __future__ import annotations

import asyncio
import signal
import sys
import uuid
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator

import psycopg
import pytest

from bridge.events import message_key
from bridge.models import MessageId
from migration.__main__ import main
from migration.audit import LOST
from migration.findings import Exit, Report, read_report
from scripts.sandbox.address import SandboxAddress
from scripts.stack import ROOT
from tests.e2e.conftest import RunningBridge, eventually, running
from tests.e2e.database import Database
from tests.migration.conftest import Tools

TOKEN = "a-token-of-operators"


@pytest.fixture
async def bridge(sandbox: SandboxAddress) -> AsyncIterator[RunningBridge]:
    """Run a bridge that answers operators."""
    async with running(sandbox, operator_token=TOKEN) as started:
        yield started


@pytest.fixture
async def database(sandbox: SandboxAddress) -> AsyncIterator[Database]:
    """Reach the sandbox's database behind the bridge's back."""
    async with await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection:
        yield Database(sandbox, connection)


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxAddress, _no_settings: None) -> None:
    """Set what the command reads."""
    monkeypatch.setenv("SUPABASE_URL", sandbox.url)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", sandbox.secret_key)
    monkeypatch.setenv("BRIDGE_OPERATOR_TOKEN", TOKEN)


async def audited(tools: Tools, bridge: RunningBridge) -> tuple[int, Report]:
    """Run the command, up to this moment; the bridge of this process logs to the same place."""
    arguments = ["audit", "--directory", str(tools.directory), "--json", "--settle", "0.001", "--bridge"]
    status = await asyncio.to_thread(main, [*arguments, bridge.http_url])
    kept = (tools.directory / "audit.json").read_bytes()
    assert kept.decode() in tools.capsys.readouterr().out
    return status, read_report(kept)


async def is_told(bridge: RunningBridge, message_id: str) -> None:
    """Wait until a bridge has told a message."""

    async def told() -> bool:
        return bridge.parts.context.hub.has_seen(message_key(MessageId(message_id)))

    await eventually(told)


async def test_messages_that_were_told_are_proven(bridge: RunningBridge, database: Database, tools: Tools) -> None:
    """Those of legacy writers and our own; what is deleted or of strangers need not be."""
    conversation_id = await database.conversation("bob", "carol")
    async with bridge.client("bob") as bob:
        await bob.send_message(conversation_id, "hello")
    legacy = await database.message(conversation_id, "carol", "hello to you")
    await is_told(bridge, legacy)
    await database.message(conversation_id, "xavier", "let me in")
    gone = await database.message(conversation_id, "carol", "oh")
    await database.run("update messages set deleted_at = now() where id = %s", gone)
    status, report = await audited(tools, bridge)
    assert (status, [one.check for one in report.passed]) == (Exit.CLEAN, [LOST])
    assert report.rows["messages"] >= 4


async def test_a_message_that_was_not_told_is_named(bridge: RunningBridge, database: Database, tools: Tools) -> None:
    """By its id, never by what it says."""
    conversation_id = await database.conversation("bob", "carol")
    lost = str(uuid.uuid4())
    bridge.parts.context.hub.pass_over(message_key(MessageId(lost)))  # as if it had been lost on the way
    await database.run(
        "insert into messages (id, conversation_id, sender_id, encrypted_content) values (%s, %s, %s, %s)",
        lost,
        conversation_id,
        database.user("carol"),
        "do you hear me",
    )
    kept = await database.message(conversation_id, "carol", "hello?")
    await is_told(bridge, kept)
    status, report = await audited(tools, bridge)
    assert status == Exit.FOUND
    (finding,) = report.findings
    assert (finding.check, finding.count, finding.samples) == (LOST, 1, (lost,))
    assert "do you hear me" not in repr(report)


async def test_a_window_that_nothing_is_known_of_proves_nothing(bridge: RunningBridge, tools: Tools) -> None:
    """The bridge has just begun, and the window ended before."""
    tools.capsys.readouterr()
    arguments = ["audit", "--directory", str(tools.directory), "--settle", "3600", "--bridge", bridge.http_url]
    assert await asyncio.to_thread(main, arguments) == Exit.INCOMPLETE
    assert f"{LOST}: {bridge.http_url} knows only since " in " ".join(tools.capsys.readouterr().out.split())


async def test_only_operators_are_answered(
    bridge: RunningBridge, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One sentence for each thing that is missing or wrong."""
    arguments = ["audit", "--directory", str(tools.directory), "--bridge"]

    async def refused(address: str) -> str:
        assert await asyncio.to_thread(main, [*arguments, address]) == Exit.REFUSED
        return tools.capsys.readouterr().err

    tools.capsys.readouterr()
    assert "does not answer: ConnectError." in await refused("http://127.0.0.1:1")
    assert "is no address of a bridge" in await refused("chat.example/bridge")
    monkeypatch.setenv("BRIDGE_OPERATOR_TOKEN", "another-token-of-operators")
    assert "answers with status 401" in await refused(bridge.http_url)
    monkeypatch.delenv("BRIDGE_OPERATOR_TOKEN")
    assert "set BRIDGE_OPERATOR_TOKEN as it is set there" in await refused(bridge.http_url)


def going_on(tools: Tools, bridge: RunningBridge, *more: str) -> list[str]:
    """Return a command line whose runs follow each other quickly."""
    where = ["--directory", str(tools.directory), "--bridge", bridge.http_url]
    return ["audit", *where, "--json", "--settle", "0.001", "--every", "0.05", *more]


async def test_it_goes_on_and_keeps_count(bridge: RunningBridge, database: Database, tools: Tools) -> None:
    """Three runs, one report: that of all."""
    conversation_id = await database.conversation("bob", "carol")
    await is_told(bridge, await database.message(conversation_id, "carol", "hello"))
    tools.capsys.readouterr()
    assert await asyncio.to_thread(main, going_on(tools, bridge, "--runs", "3")) == Exit.CLEAN
    kept = (tools.directory / "audit.json").read_bytes()
    said = tools.capsys.readouterr()
    assert kept.decode() in said.out
    assert "audit: run 3 at " in said.err
    report = read_report(kept)
    assert report.series is not None
    assert (report.series.runs, report.series.windows, report.series.gaps) == (3, 3, 0)
    assert report.series.messages == report.rows["messages"] >= 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_with_its_report(bridge: RunningBridge, tools: Tools, number: signal.Signals) -> None:
    """As a program of its own; the exit status is that of all runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "migration", *going_on(tools, bridge)), cwd=ROOT, stdout=PIPE, stderr=PIPE
    )
    assert process.stderr is not None
    async for line in process.stderr:
        if line.startswith(b"audit: run 2 at "):
            break
    process.send_signal(number)
    out, err = await process.communicate()
    assert (process.returncode, b"Traceback" in err) == (Exit.CLEAN, False)
    report = read_report(out)
    assert report == read_report((tools.directory / "audit.json").read_bytes())
    assert report.series is not None
    assert report.series.runs >= 2


def test_arguments_that_cannot_be_meant_are_refused(tools: Tools) -> None:
    """In one sentence."""
    bridge = ("--bridge", "http://127.0.0.1:1")
    assert tools("audit", *bridge, "--runs", "3").err == "migration: --runs needs --every.\n"
    long = tools("audit", *bridge, "--every", "550").err
    assert (
        long == "migration: A bridge knows for 600 seconds what it told: --every and --settle together must be less.\n"
    )
