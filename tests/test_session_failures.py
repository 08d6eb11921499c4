"""Whatever goes wrong inside: the request gets the action's own fault, the log the reason, the wire nothing else."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import structlog
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.errors import StoreDown, StoreRefused, service_restart
from bridge.ids import derived_message_id
from bridge.session import MAX_SHOWN_CHARACTERS
from tests.people import ROOM, A, B, C, message, message_id
from tests.world import Client, World, world

SECRET_TEXT = "the text that nobody may find in a log"

ACTIONS: dict[str, tuple[str, dict[str, Any], tuple[str, str], tuple[str, str]]] = {
    "load_conversations": (
        "conversations.summaries",
        {},
        ("DATABASE_ERROR", "Failed to load conversations"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "join_conversation": (
        "conversations.participants",
        {"conversationId": ROOM},
        ("SERVER_ERROR", "Internal server error"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "send_message": (
        "messages.insert",
        {"conversationId": ROOM, "content": SECRET_TEXT},
        ("DATABASE_ERROR", "Failed to send message"),
        ("SERVER_ERROR", "Failed to send message"),
    ),
    "load_messages": (
        "messages.page",
        {"conversationId": ROOM},
        ("DATABASE_ERROR", "Failed to load messages"),
        ("SERVER_ERROR", "Failed to load messages"),
    ),
    "load_more_messages": (
        "messages.position",
        {"conversationId": ROOM, "beforeMessageId": message_id(1)},
        ("DATABASE_ERROR", "Failed to load more messages"),
        ("SERVER_ERROR", "Failed to load more messages"),
    ),
}
"""Question that fails; payload; what a client hears of the database, and of a bug (contract ws-protocol section 4)."""


async def failed(client: Client, action: str) -> tuple[str, str]:
    """Ask for something that fails and return what is heard, having seen that it is heard once."""
    before = len(client.frames)
    refused = await client.ask(action, **ACTIONS[action][1])
    await client.ask("ping")
    assert [frame.type for frame in client.frames[before:]] == ["error", "pong"]
    assert refused.payload.keys() == {"error", "code", "requestId"}
    assert refused.payload["requestId"] == refused.request_id
    return refused.code, refused.payload["error"]


@pytest.mark.parametrize("error", [StoreDown("ConnectError"), StoreRefused("42703")], ids=str)
@pytest.mark.parametrize("action", sorted(ACTIONS))
async def test_a_failing_database_is_told_with_the_fixed_text(action: str, error: Exception) -> None:
    """Never with the database's own (contract F11); the next attempt works."""
    question, payload, told, _ = ACTIONS[action]
    async with world() as w:
        w.legacy_insert(message(1))
        b = await w.signed_in(B)
        w.door.failing[question] = error
        with capture_logs() as logs:
            assert await failed(b, action) == told
        assert [(line["event"], line["cause"], line["detail"]) for line in logs] == [
            ("command.store_failed", type(error).__name__, str(error))
        ]
        del w.door.failing[question]
        assert (await b.ask(action, **payload)).type != "error"


@pytest.mark.parametrize("action", sorted(ACTIONS))
async def test_a_bug_is_told_with_the_actions_own_text(action: str) -> None:
    """With the request's id, which the original left out (contract F23); the trace is in the log, the session lives."""
    question, payload, _, told = ACTIONS[action]
    async with world() as w:
        w.legacy_insert(message(1))
        b = await w.signed_in(B)
        w.door.failing[question] = RuntimeError("the reason")
        with capture_logs(processors=[structlog.processors.format_exc_info]) as logs:
            assert await failed(b, action) == told
        assert [line["event"] for line in logs] == ["command.failed"]
        assert "the reason" in logs[0]["exception"]
        del w.door.failing[question]
        assert (await b.ask(action, **payload)).type != "error"


async def test_a_bug_in_authentication_is_an_internal_error() -> None:
    """auth is no action, but answered all the same."""
    async with world() as w:
        client = w.client()
        w.door.failing["users.by_auth_id"] = RuntimeError("a bug")
        refused = await client.authenticate(B)
        assert (refused.code, refused.payload["error"]) == ("SERVER_ERROR", "Internal server error")


async def test_what_follows_a_failed_command_is_handled() -> None:
    """In order."""
    async with world() as w:
        b = await w.signed_in(B)
        w.door.failing["messages.page"] = RuntimeError("a bug")
        requests = [b.send("load_messages", conversationId=ROOM), b.send("load_conversations")]
        assert [(await b.reply(request)).type for request in requests] == ["error", "conversations_loaded"]


async def test_a_failed_send_is_told_to_nobody_and_holds_up_nobody() -> None:
    """The next one is delivered."""
    async with world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        w.door.failing["messages.insert"] = StoreDown()
        await b.ask("send_message", conversationId=ROOM, content="lost")
        del w.door.failing["messages.insert"]
        await b.ask("send_message", conversationId=ROOM, content="next")
        assert await c.received() == await b.received() == ["next"]


async def test_an_answer_that_cannot_be_encoded_holds_up_nobody() -> None:
    """The row has something in it that JSON has not: its sender hears of a failure, later messages are delivered."""
    async with world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        named = derived_message_id(B.user_id, "1")
        w.legacy_insert(replace(message(1, content="hi"), id=named, metadata={"odd": object()}))
        payload = {"conversationId": ROOM, "content": "hi", "clientMessageId": "1"}
        assert (await b.ask("send_message", **payload)).code == "SERVER_ERROR"
        await b.ask("send_message", conversationId=ROOM, content="next")
        assert await c.received() == ["next"]


async def test_a_message_whose_sender_goes_while_it_is_written_keeps_its_place() -> None:
    """The write is finished: given up, it would be found by catch-up, and told after later ones."""
    async with world() as w:
        c = await w.signed_in(C)
        gate = w.door.hold_answer("messages.insert")
        gone = await w.signed_in(B)
        gone.send("send_message", conversationId=ROOM, content="last words")
        await gate.reached()
        gone.vanish()
        await c.ask("send_message", conversationId=ROOM, content="next")
        assert await c.received() == []
        gate.open()
        assert gone.working is not None
        await asyncio.wait({gone.working})
        assert await c.received() == ["last words", "next"]


async def test_the_end_of_the_process_waits_for_nothing_that_hangs() -> None:
    """Commands had their time between the signal and the end (bridge.websocket)."""
    async with world() as w:
        gone = await w.signed_in(B)
        held = w.door.hold("messages.insert")
        gone.send("send_message", conversationId=ROOM, content="never")
        await held.reached()
        gone.connection.retire(service_restart(1))
        gone.vanish()
        assert gone.working is not None
        await asyncio.wait({gone.working})
        held.open()
        assert w.stored() == []


async def _everything(w: World) -> None:
    """Let B do everything that is logged, well and badly."""
    b = await w.signed_in(B)
    await b.ask("auth", token=w.mint.hs256(B.auth_id, role="anon"))
    await b.ask("auth", token=w.mint.hs256(B.auth_id) + "x")
    sent = {"conversationId": ROOM, "content": SECRET_TEXT, "metadata": {"note": SECRET_TEXT}}
    await b.ask("send_message", **sent)
    await b.ask("send_message", **sent, replyToId=SECRET_TEXT)
    await b.ask("join_conversation", conversationId=SECRET_TEXT)
    for error in (StoreDown("ReadTimeout"), StoreRefused("23514"), RuntimeError("a bug")):
        for question in ("messages.insert", "users.by_auth_id"):
            w.door.failing[question] = error
            await b.ask("send_message", **sent)
            await b.authenticate(B)
            del w.door.failing[question]
    b.send_text(json.dumps({"type": "send_message", "payload": SECRET_TEXT, "requestId": "r", "timestamp": "t"}))
    await b.ask("ping")


async def test_neither_token_nor_text_is_ever_logged() -> None:
    """Nor a part of a token that could be used (contract F11)."""
    async with world() as w:
        token = w.mint.hs256(B.auth_id)
        processors: list[structlog.typing.Processor] = [
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
        ]
        with capture_logs(processors=processors) as logs:
            await _everything(w)
        logged = "\n".join(map(str, logs))
        assert len(logs) > 15
        assert SECRET_TEXT not in logged
        assert not any(part in logged for part in token.split("."))
        assert w.mint.hs256(B.auth_id, role="anon").split(".")[1] not in logged


async def test_an_endless_request_id_is_answered_whole_and_logged_in_part() -> None:
    """Each line that is logged would have it: the client's is what it waits for."""
    async with world() as w:
        b = await w.signed_in(A)
        request_id = "r" * 10_000
        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
            frame = {"type": "join_conversation", "payload": {"conversationId": "x"}, "requestId": request_id}
            b.send_text(json.dumps({**frame, "timestamp": "now"}))
            refused = await b.reply(request_id)
        assert refused.payload["requestId"] == request_id
        assert [line["request_id"] for line in logs] == ["r" * MAX_SHOWN_CHARACTERS]


async def test_what_a_client_calls_itself_is_cut() -> None:
    """Before it is logged, counted, or asked about."""
    async with world() as w:
        with capture_logs() as logs:
            await w.client().ask("auth", token=w.mint.hs256(B.auth_id), client={"name": "n" * 99, "version": "1" * 99})
        [line] = [one for one in logs if one["event"] == "session.authenticated"]
        assert (line["client"], line["version"]) == ("n" * 40, "1" * 40)


async def test_every_line_says_whose_request_it_was() -> None:
    """Connection, request and action are bound while a command is handled."""
    async with world() as w:
        b = await w.signed_in(A)
        with capture_logs(processors=[structlog.contextvars.merge_contextvars]) as logs:
            request_id = b.send("join_conversation", conversationId="nonsense")
            await b.reply(request_id)
        assert [(line["event"], line["code"]) for line in logs] == [("command.refused", "ACCESS_DENIED")]
        assert (logs[0]["connection_id"], logs[0]["request_id"]) == (b.connection.id, request_id)
        assert logs[0]["action"] == "join_conversation"
