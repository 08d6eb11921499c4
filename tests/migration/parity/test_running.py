"""`python -m migration parity` against sandboxes and bridges: both ways agree, and where they do not it is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import psycopg
import pytest
from websockets.asyncio.server import ServerConnection, serve

from bridge.app import Bridge
from bridge.clock import SystemClock
from bridge.errors import StoreDown
from bridge.models import GroupSummary, Identity
from bridge.settings import load_settings
from bridge.store.groups import GroupStore
from migration.__main__ import main
from migration.findings import Exit
from migration.parity import COMPARISONS, OldSide
from migration.parity.people import Signer
from migration.parity.running import Wishes, compared
from migration.parity.tally import ParityReport, Rates
from migration.voice import Voice
from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.generations import Generation
from scripts.stack import free_port
from tests.conftest import SandboxOf
from tests.e2e.conftest import RunningBridge, running
from tests.migration.conftest import Tools

TABLES = ("messages", "message_status", "conversation_participants", "conversations", "user_presence")


async def report_of(bridge: RunningBridge, **wishes: Any) -> ParityReport:
    """Compare for everybody."""
    sandbox, clock = bridge.sandbox, SystemClock()
    settings = load_settings(
        supabase_url=sandbox.url,
        supabase_secret_key=sandbox.secret_key,
        supabase_publishable_key=sandbox.publishable_key,
        supabase_jwt_secret=sandbox.jwt_secret,
    )
    asked = Wishes(**{"bridge": bridge.url, "people": None, "conversations": 20, **wishes})
    return await compared(settings, asked, clock, Voice(clock, as_json=False))


def rates(report: ParityReport) -> Mapping[str, Rates]:
    """Return what came of each action."""
    return {one.action: one for one in report.actions}


def rows(sandbox: SandboxAddress) -> Mapping[str, Sequence[object]]:
    """Return what may not change."""
    with psycopg.connect(sandbox.database_url) as connection:
        return {
            table: connection.execute(f"select t::text from {table} t order by 1".encode()).fetchall()
            for table in TABLES
        }


@pytest.mark.parametrize("generation", ["db1", "db2"])
async def test_both_ways_agree(generation: Generation, own_sandbox_of: SandboxOf) -> None:
    """For all sample people, with either list function; nothing is written, no receipt and no presence either."""
    sandbox = own_sandbox_of(generation)
    async with running(sandbox, presence=False) as bridge:
        before = await asyncio.to_thread(rows, sandbox)
        report = await report_of(bridge)
        assert await asyncio.to_thread(rows, sandbox) == before
    assert report.mismatches == ()
    assert report.people == report.everybody == 6
    assert {one.action: one.consistency for one in report.actions} == dict.fromkeys(COMPARISONS[OldSide.POSTGREST], 1.0)


async def test_declared_differences_are_counted(bridge: RunningBridge) -> None:
    """What the sample conversations have of them."""
    found = rates(await report_of(bridge))
    assert {"names", "leavers", "unread", "hidden_groups"} <= found["load_conversations"].declared.keys()
    assert {"expired", "quotes"} <= found["load_more_messages"].declared.keys()
    assert found["load_groups"].declared.keys() == {"hidden_groups"}


class Forgetful:
    """A store of groups that says the wrong name, and never finds what bob is in."""

    def __init__(self, groups: GroupStore, bob: str) -> None:
        self._groups = groups
        self._bob = bob

    async def summaries(self, identity: Identity) -> Sequence[GroupSummary]:
        """Answer wrongly."""
        if identity.user_id == self._bob:
            raise StoreDown("out of order")
        found = await self._groups.summaries(identity)
        return [msgspec.structs.replace(one, name=f"not {one.name}") for one in found]


@asynccontextmanager
async def mistaken(sandbox: SandboxAddress) -> AsyncIterator[RunningBridge]:
    """Run a bridge that is wrong about groups."""

    def prepare(parts: Bridge) -> None:
        store = cast("Any", parts.context.store)
        store.groups = Forgetful(parts.context.store.groups, str(sandbox.people["bob"].user_id))

    async with running(sandbox, prepare) as started:
        yield started


async def test_a_mismatch_is_told_by_ids_and_fields(sandbox: SandboxAddress) -> None:
    """Of every person whom it concerns, never what was said."""
    with psycopg.connect(sandbox.database_url, autocommit=True) as connection:
        connection.execute("update groups set is_public = true")  # members see public ones the old way, too
        try:
            async with mistaken(sandbox) as bridge:
                report = await report_of(bridge, actions=("load_groups",))
        finally:
            connection.execute("update groups set is_public = false")
    assert report.exit is Exit.FOUND
    refused = [one for one in report.mismatches if one.refused]
    assert [(one.user_id, one.refused) for one in refused] == [(str(sandbox.people["bob"].user_id), "DATABASE_ERROR")]
    told = {(d.field, d.where) for one in report.mismatches if not one.refused for d in one.differences}
    assert told == {("group_name", "both")}
    assert b"Garden Club" not in msgspec.json.encode(report)


def use(sandbox: SandboxAddress, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set what the command reads."""
    monkeypatch.setenv("SUPABASE_URL", sandbox.url)
    monkeypatch.setenv("SUPABASE_SECRET_KEY", sandbox.secret_key)
    monkeypatch.setenv("SUPABASE_JWT_SECRET", sandbox.jwt_secret)


async def test_the_command_compares_and_keeps_its_report(
    bridge: RunningBridge, tools: Tools, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A sample of people, some actions; people per second."""
    use(bridge.sandbox, monkeypatch)
    arguments = ["parity", "--bridge", bridge.url, "--directory", str(tools.directory), "--people", "2"]
    capsys.readouterr()
    assert (
        await asyncio.to_thread(main, [*arguments, "--json", "--only", "auth", "--only", "load_groups"]) == Exit.CLEAN
    )
    kept = (tools.directory / "parity.json").read_bytes()
    assert kept.decode() in capsys.readouterr().out  # beside what the bridge of this process logs
    report = msgspec.json.decode(kept, type=ParityReport)
    assert (report.people, [one.action for one in report.actions]) == (2, ["auth", "load_groups"])
    assert report.people_per_second > 0
    assert await asyncio.to_thread(main, [*arguments, "--only", "load_presence"]) == Exit.CLEAN
    assert "load_presence: 100.00% consistent, noise 0.00%" in capsys.readouterr().out


async def test_tokens_of_a_file_are_used(bridge: RunningBridge, tools: Tools, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only whoever has one there is compared; a bad one is refused by both ways, and so no mismatch."""
    use(bridge.sandbox, monkeypatch)
    monkeypatch.delenv("SUPABASE_JWT_SECRET")
    people, file = bridge.sandbox.people, tools.directory.parent / "tokens"
    forged = Signer("another secret than the project's, as long as that", "authenticated").token(
        str(people["carol"].auth_id), SystemClock().now()
    )
    file.write_text(f"{people['bob'].token}\n{forged}\n")
    arguments = ["parity", "--bridge", bridge.url, "--directory", str(tools.directory), "--json", "--only", "auth"]
    status = await asyncio.to_thread(main, [*arguments, "--tokens", str(file)])
    report = msgspec.json.decode((tools.directory / "parity.json").read_bytes(), type=ParityReport)
    (found,) = report.actions
    assert (status, report.people, found.matched, found.mismatched, found.old_failed) == (Exit.CLEAN, 2, 1, 0, 1)


def test_what_is_missing_is_one_sentence(
    sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit status 2, before anybody is compared."""
    nowhere = ("--bridge", "ws://127.0.0.1:1/ws")
    url = ("--database-url", sandbox.database_url)
    assert tools("parity", *nowhere, *url).err.startswith("migration: This needs the project's API: ")
    use(sandbox, monkeypatch)
    ended = tools("parity", *nowhere)
    assert (ended.status, ended.err.startswith("migration: The bridge of --bridge does not answer: ")) == (
        Exit.REFUSED,
        True,
    )
    monkeypatch.setenv("SUPABASE_SECRET_KEY", "sb_secret_wrong")
    assert tools("parity", *nowhere).err.startswith(
        "migration: The project does not let SUPABASE_SECRET_KEY read users"
    )
    monkeypatch.delenv("SUPABASE_JWT_SECRET")
    assert "SUPABASE_JWT_SECRET" in tools("parity", *nowhere).err


async def leaving(connection: ServerConnection) -> None:
    """Be a bridge that answers a ping, and goes away at the next command."""
    async for text in connection:
        frame = json.loads(text)
        if frame["type"] != "ping":
            break
        await connection.send(json.dumps({**frame, "type": "pong", "payload": {}}))


async def test_a_bridge_that_goes_away_ends_the_run(
    sandbox: SandboxAddress, tools: Tools, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Incomplete; no report is kept."""
    use(sandbox, monkeypatch)
    port = free_port()
    async with serve(leaving, "127.0.0.1", port):
        url = f"ws://127.0.0.1:{port}/ws"
        arguments = ["parity", "--bridge", url, "--directory", str(tools.directory)]
        capsys.readouterr()
        assert await asyncio.to_thread(main, arguments) == Exit.INCOMPLETE
    assert capsys.readouterr().err.startswith("migration: The comparison cannot go on: ")
    assert not (tools.directory / "parity.json").exists()


@pytest.mark.parametrize(("old", "name"), [(old, name) for old, known in COMPARISONS.items() for name in known])
def test_declared_differences_say_why(old: OldSide, name: str) -> None:
    """In one sentence each, under names that reports use."""
    declared = COMPARISONS[old][name].declared
    names = [one.name for one in declared]
    assert len(set(names)) == len(names)
    assert all(one.why.endswith(".") and one.name.isidentifier() for one in declared)
