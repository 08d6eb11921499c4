"""`python -m migration parity --old rest`: the old endpoints of the app and of a bridge, beside the actions."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from bridge.clock import SystemClock
from bridge.settings import load_settings
from compat import cookies
from migration.__main__ import main
from migration.errors import Interrupted
from migration.findings import Exit
from migration.parity import COMPARISONS, OldSide
from migration.parity.control import Person
from migration.parity.old_server import session_cookies
from migration.parity.running import Wishes, compared
from migration.parity.tally import ParityReport, Rates
from migration.voice import Voice
from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.generations import Generation
from tests.compat.browser import Browser
from tests.conftest import SandboxOf
from tests.e2e.accounts import Library
from tests.e2e.conftest import RunningBridge, running
from tests.migration.conftest import Tools
from tests.migration.parity.old_app import COOKIE, GONE, HTML, UNAUTHORIZED, Reply, Twist, old_app
from tests.migration.parity.test_running import rows, use
from tests.node import NodeScript

ACTIONS = tuple(COMPARISONS[OldSide.REST])
LIST, SETTINGS = "/api/chat/conversations", "/api/settings/disappearing-messages"


async def report_of(bridge: RunningBridge, rest_url: str, **wishes: Any) -> ParityReport:
    """Compare for everybody."""
    sandbox, clock = bridge.sandbox, SystemClock()
    settings = load_settings(
        supabase_url=sandbox.url,
        supabase_secret_key=sandbox.secret_key,
        supabase_publishable_key=sandbox.publishable_key,
        supabase_jwt_secret=sandbox.jwt_secret,
    )
    asked = {"bridge": bridge.url, "rest_url": rest_url, "people": None, "conversations": 20, "actions": ACTIONS}
    return await compared(settings, Wishes(**{**asked, **wishes}), clock, Voice(clock, as_json=False))


def rates(report: ParityReport) -> dict[str, Rates]:
    """Return what came of each action."""
    return {one.action: one for one in report.actions}


@pytest.mark.parametrize("generation", ["db1", "db2", "db3"])
async def test_the_endpoints_of_a_bridge_answer_as_its_actions_do(
    generation: Generation, own_sandbox_of: SandboxOf
) -> None:
    """Strictly, for every person and endpoint; nothing is written."""
    sandbox = own_sandbox_of(generation)
    async with running(sandbox, presence=False) as bridge:
        before = await asyncio.to_thread(rows, sandbox)
        report = await report_of(bridge, bridge.http_url, strict=True)
        assert await asyncio.to_thread(rows, sandbox) == before
    assert report.mismatches == ()
    assert {one.action: one.consistency for one in report.actions} == dict.fromkeys(ACTIONS, 1.0)
    assert all(one.trials == one.matched and not one.declared for one in report.actions)
    assert (report.old, report.old_server, report.is_strict) == (
        OldSide.REST,
        bridge.http_url.removeprefix("http://"),
        True,
    )


async def test_the_old_server_agrees_but_for_what_is_declared(bridge: RunningBridge) -> None:
    """To whoever's ids differ it shows empty lists, and refuses what is about conversations."""
    with old_app(bridge.sandbox) as (app, url):
        report = await report_of(bridge, url)
    assert app.others == []
    assert report.mismatches == ()
    assert {one.action: one.consistency for one in report.actions} == dict.fromkeys(ACTIONS, 1.0)
    found = rates(report)
    assert {"asked_with_auth_id", "names", "unread"} <= found["load_conversations"].declared.keys()
    assert found["load_groups"].declared.keys() <= {"asked_with_auth_id", "hidden_groups"}
    assert "asked_with_auth_id" in found["load_groups"].declared
    assert found["search_users"].declared.keys() == {"finds_oneself"}
    assert found["load_retention"].declared == {}
    for action in ("load_participants", "load_conversation_timer"):
        assert found[action].matched > 0
        assert found[action].failures.keys() == {"403"}


async def test_strictly_nothing_is_excused(bridge: RunningBridge) -> None:
    """Then each of these is a mismatch, and what the old way fails with is told."""
    with old_app(bridge.sandbox) as (_, url):
        report = await report_of(bridge, url, strict=True, keep=1000)
    told = {one.action: one for one in report.mismatches}
    assert told.keys() == set(ACTIONS) - {"auth", "load_retention"}
    assert {one.old_failed for one in report.mismatches} == {None, "403"}
    assert all(not one.declared and not one.failures for one in report.actions)


def twisted(path: str, change: Any) -> Twist:
    """Return what changes the answers of one endpoint."""

    def twist(asked: str, reply: Reply) -> Reply:
        return change(reply) if asked == path else reply

    return twist


async def test_a_disagreement_is_found_and_told_without_contents(bridge: RunningBridge) -> None:
    """A number that is wrong, and a conversation that is missing in a list that is not empty."""
    alice = str(bridge.sandbox.people["alice"].user_id)

    def other_days(reply: Reply) -> Reply:
        return reply[0], {"success": True, "default_message_retention_days": 777}

    def without_first(reply: Reply) -> Reply:
        return reply[0], {"conversations": reply[1]["conversations"][1:]}

    with old_app(bridge.sandbox, twisted(SETTINGS, other_days)) as (_, url):
        report = await report_of(bridge, url, actions=("load_retention",), keep=100)
    assert len(report.mismatches) == report.people
    told = {(d.field, d.where) for one in report.mismatches for d in one.differences}
    assert told == {("default_message_retention_days", "both")}
    assert b"777" not in msgspec.json.encode(report.mismatches)
    with old_app(bridge.sandbox, twisted(LIST, without_first)) as (_, url):
        report = await report_of(bridge, url, actions=("load_conversations",), keep=100)
    missing = [one for one in report.mismatches if one.user_id == alice]
    assert [[(d.field, d.where) for d in one.differences] for one in missing] == [[("", "new")]]


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (UNAUTHORIZED, f"refuses the session cookie {COOKIE}: is it of this project"),
        ((200, HTML), f"answers {LIST} with status 200 and no JSON object (text/html): is that the app's address?"),
        ((404, HTML), f"answers {LIST} with status 404 and no JSON object (text/html)"),
        ((404, {"error": "Not Found"}), f"has no {LIST}: status 404."),
        ((302, HTML), "sends on to /login: give the address that answers itself."),
    ],
)
async def test_a_server_that_is_none_is_one_sentence(
    bridge: RunningBridge, tools: Tools, monkeypatch: pytest.MonkeyPatch, reply: Reply, said: str
) -> None:
    """Exit status 2, before anybody is compared."""
    use(bridge.sandbox, monkeypatch)
    with old_app(bridge.sandbox, lambda path, _: reply) as (_, url):
        tools.capsys.readouterr()
        assert await asyncio.to_thread(main, arguments(tools, bridge, url)) == Exit.REFUSED
    err = tools.capsys.readouterr().err
    assert err.startswith(f"migration: The old server of --rest-url {said}")
    assert err.count("\n") == 1


def arguments(tools: Tools, bridge: RunningBridge, url: str, *more: str) -> list[str]:
    """Return a command line."""
    old = ["--old", "rest", "--rest-url", url]
    return ["parity", "--bridge", bridge.url, *old, "--directory", str(tools.directory), *more]


async def test_a_server_that_is_not_there_is_one_sentence(
    bridge: RunningBridge, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And so is an address that is none, and one without the other argument."""
    use(bridge.sandbox, monkeypatch)

    async def refused(*given: str) -> str:
        tools.capsys.readouterr()
        assert await asyncio.to_thread(main, list(given)) == Exit.REFUSED
        return tools.capsys.readouterr().err

    nowhere = arguments(tools, bridge, "http://127.0.0.1:1")
    assert await refused(*nowhere) == "migration: The old server of --rest-url does not answer: ConnectError.\n"
    assert await refused(*arguments(tools, bridge, "app.example.org")) == (
        "migration: --rest-url must be an address like https://app.example.org.\n"
    )
    both = "migration: --old rest and --rest-url URL belong together.\n"
    assert await refused("parity", "--bridge", bridge.url, "--old", "rest") == both
    assert await refused("parity", "--bridge", bridge.url, "--rest-url", "http://127.0.0.1:1") == both
    assert "There is no load_presence; there are: auth, " in await refused(*nowhere, "--only", "load_presence")


async def test_the_command_keeps_a_report_of_its_own(
    bridge: RunningBridge, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside that of the other old way; it says whom it asked."""
    use(bridge.sandbox, monkeypatch)
    tools.capsys.readouterr()
    given = arguments(tools, bridge, bridge.http_url, "--strict", "--people", "2", "--only", "load_groups")
    assert await asyncio.to_thread(main, given) == Exit.CLEAN
    host = bridge.http_url.removeprefix("http://")
    said = tools.capsys.readouterr().out
    assert f"parity: the old endpoints at {host} of 127.0.0.1 (strict) beside the bridge at {host}\n" in said
    kept = msgspec.json.decode((tools.directory / "parity-rest.json").read_bytes(), type=ParityReport)
    assert (kept.old, [one.action for one in kept.actions]) == (OldSide.REST, ["load_groups"])
    assert not (tools.directory / "parity.json").exists()


async def test_an_endpoint_that_answers_something_else_is_counted(bridge: RunningBridge) -> None:
    """There is nothing to compare with; the others go on."""
    with old_app(bridge.sandbox, twisted(SETTINGS, lambda _: (200, HTML))) as (_, url):
        report = await report_of(bridge, url, actions=("load_groups", "load_retention"))
    found = rates(report)
    assert report.exit is Exit.INCOMPLETE
    assert found["load_retention"].failures.keys() == {"no_json"}
    assert found["load_groups"].consistency == 1.0


async def test_a_server_that_goes_away_ends_the_run(bridge: RunningBridge) -> None:
    """As a project or a bridge that does."""
    with (
        old_app(bridge.sandbox, twisted("/api/chat/groups", lambda _: (GONE, None))) as (_, url),
        pytest.raises(Interrupted, match=r"The old server of --rest-url does not answer any more: "),
    ):
        await report_of(bridge, url)


def person_of(sandbox: SandboxAddress, name: str) -> Person:
    """Return a sample person with the token of the sandbox."""
    one = sandbox.people[name]
    return Person(user_id=str(one.user_id), auth_id=str(one.auth_id), token=str(one.token))


async def test_the_apps_own_library_takes_the_cookies(sandbox: SandboxAddress) -> None:
    """@supabase/ssr reads the session, and asks the Auth server whose it is; nothing is refreshed or set anew."""
    bob = person_of(sandbox, "bob")
    script = NodeScript("session_cookies.mjs", sandbox)
    try:
        pairs = dict(one.split("=", 1) for one in session_cookies(bob, COOKIE).split("; "))
        seen = await Library(script).read(Browser(**pairs))
    finally:
        await asyncio.to_thread(script.close)
    assert (seen["access_token"], seen["user"], seen["setCookies"]) == (bob.token, bob.auth_id, [])


def test_long_tokens_are_chunked(sandbox: SandboxAddress) -> None:
    """As the library does it; and what is read is the same token."""
    bob = person_of(sandbox, "bob")
    head, _, signature = bob.token.rpartition(".")
    long = replace(bob, token=f"{head}.{signature}{'x' * 9000}")
    header = session_cookies(long, COOKIE)
    assert f"{COOKIE}.1=" in header
    read = cookies.read(cookies.select(header, COOKIE), COOKIE)
    assert read is not None
    assert read.access_token == long.token
