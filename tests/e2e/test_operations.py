"""What operators ask of a bridge over HTTP, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from bridge import __version__
from tests.e2e.conftest import RunningBridge, StartBridge, eventually

TOKEN = "a-token-of-operators"
WINDOW = "since=2026-11-26T12:00:00Z&until=2026-11-26T13:00:00Z"
PATHS = ("/metrics", "/status", f"/audit?{WINDOW}")


async def ask(bridge: RunningBridge, path: str, token: str | None = TOKEN) -> httpx.Response:
    """Ask with the operators' token, or another, or none."""
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=bridge.http_url, headers=headers) as http:
        return await http.get(path)


async def numbers(bridge: RunningBridge) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the samples of a scrape by name and sorted labels."""
    families = text_string_to_metric_families((await ask(bridge, "/metrics")).text)
    return {
        (sample.name, tuple(f"{name}={value}" for name, value in sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


@pytest.mark.parametrize("path", PATHS)
async def test_without_the_setting_there_is_nothing_there(bridge: RunningBridge, path: str) -> None:
    """Whatever token is shown."""
    nothing = await ask(bridge, "/nothing")
    for token in (None, TOKEN):
        answer = await ask(bridge, path, token)
        assert (answer.status_code, answer.content) == (404, nothing.content)


async def test_only_the_operators_token_opens(start_bridge: StartBridge) -> None:
    """Others are asked for one, whoever they are."""
    async with start_bridge(operator_token=TOKEN) as bridge:
        for path in PATHS:
            for token in (None, f"{TOKEN}x", str(bridge.sandbox.people["bob"].token), bridge.sandbox.secret_key):
                answer = await ask(bridge, path, token)
                assert (answer.status_code, answer.headers["WWW-Authenticate"][:6]) == (401, "Bearer")
                assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
                assert answer.headers["Cache-Control"] == "no-store"
            opened = await ask(bridge, path)
            assert (opened.status_code, opened.headers["Cache-Control"]) == (200, "no-store")


async def test_the_numbers_follow_what_happens(start_bridge: StartBridge) -> None:
    """Sockets, commands, requests to the tables, changes heard, and how late."""
    async with start_bridge(operator_token=TOKEN) as bridge:
        async with bridge.client("bob") as bob:
            conversation_id = str(bridge.sandbox.conversations["bob-carol"])
            await bob.join_conversation(conversation_id)
            await bob.send_message(conversation_id, "counted")
            counted = await numbers(bridge)
            assert counted["chat_bridge_sockets", ()] == counted["chat_bridge_sessions", ()] == 1
            assert counted["chat_bridge_ready", ()] == counted["chat_bridge_feed_live", ()] == 1
            assert counted["chat_bridge_commands_total", ("outcome=ok", "type=send_message")] == 1
            assert counted["chat_bridge_command_seconds_count", ("type=send_message",)] == 1
            insert = ("method=POST", "outcome=201", "table=messages")
            assert counted["chat_bridge_supabase_requests_total", insert] == 1
            assert counted["chat_bridge_feed_epochs_total", ()] >= 1
        assert counted["process_open_fds", ()] > 0


async def test_the_status_shows_everything_but_secrets(start_bridge: StartBridge) -> None:
    """And nobody's name."""
    async with start_bridge(operator_token=TOKEN) as bridge, bridge.client("bob"):
        answer = await ask(bridge, "/status")
        state = answer.json()
        assert (state["version"], state["status"], state["reasons"]) == (__version__, "live", [])
        assert state["sockets"]["open"] == state["sockets"]["people"] == 1
        assert state["errors"]["commands"] == {"failed": 0, "of": 1}
        assert state["errors"]["old_endpoints"] == {"failed": 0, "of": 0}
        assert state["schema"]["content"] == "text"
        assert state["feed"]["not_published"] == state["feed"]["losses"] == []
        assert state["settings"]["BRIDGE_OPERATOR_TOKEN"] == state["settings"]["SUPABASE_SECRET_KEY"] == "set"
        assert state["settings"]["SUPABASE_PUBLISHABLE_KEY"] is None
        assert state["settings"]["BRIDGE_DRAIN_SECONDS"] == 5.0
        for secret in (TOKEN, bridge.sandbox.secret_key, bridge.sandbox.jwt_secret):
            assert secret not in answer.text
        assert str(bridge.sandbox.people["bob"].user_id) not in answer.text


async def test_the_status_shows_what_came_of_comparing(start_bridge: StartBridge) -> None:
    """Off unless it is wanted; then what became of each action's reads, by reason."""
    async with start_bridge(operator_token=TOKEN) as bridge:
        assert (await ask(bridge, "/status")).json()["shadow"] is None
    async with start_bridge(operator_token=TOKEN, shadow_share=1.0) as bridge, bridge.client("bob") as bob:
        await bob.request("load_groups", {})

        async def is_shown() -> bool:
            shadow = (await ask(bridge, "/status")).json()["shadow"]
            reads = {action: [*outcomes] for action, outcomes in shadow["reads"].items()}
            return (shadow["share"], shadow["mismatches"], reads) == (1.0, [], {"load_groups": ["match"]})

        await eventually(is_shown)


@asynccontextmanager
async def collector() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Run something that traces are sent to; yield its address and what it gets."""
    received: list[bytes] = []

    async def take(request: web.Request) -> web.Response:
        received.append(await request.read())
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", received
    finally:
        await runner.cleanup()


async def test_traces_are_sent_where_the_standard_variable_says(
    start_bridge: StartBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commands and their requests, at the latest when the bridge ends; nothing of what was said."""
    async with collector() as (url, received):
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        async with start_bridge(traces=True) as bridge, bridge.client("bob") as bob:
            await bob.send_message(str(bridge.sandbox.conversations["bob-carol"]), "not for tracing")
        sent = b"".join(received)
    for told in (b"chat-bridge", b"command", b"send_message", b"supabase.request", b"messages"):
        assert told in sent
    assert b"not for tracing" not in sent


async def test_each_request_has_an_id(bridge: RunningBridge) -> None:
    """Which its answer tells, errors too."""
    answers = [await ask(bridge, path) for path in ("/healthz", "/healthz", "/nowhere")]
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == 3


@pytest.mark.parametrize(
    "asked", ["", "?since=today&until=now", "?since=2026-11-26T12:00:00&until=2026-11-26T13:00:00"]
)
async def test_an_audit_needs_a_window(start_bridge: StartBridge, asked: str) -> None:
    """Of two moments with offsets: others mean another time to everybody."""
    async with start_bridge(operator_token=TOKEN) as bridge:
        assert (await ask(bridge, f"/audit{asked}")).status_code == 400
