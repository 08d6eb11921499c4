"""What is no command is refused at once, with its request id where it has one, and the connection stays usable."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.outbox import Outbox
from bridge.session import Connection
from tests.emulated_w1 import read_frame
from tests.parts import Parts
from tests.people import ROOM, B
from tests.world import LIMITS, world


def envelope(**changes: object) -> str:
    """Return a ping with fields replaced, or left out if None is not what is meant."""
    fields = {"type": "ping", "payload": {}, "requestId": "r1", "timestamp": "now", **changes}
    return json.dumps({name: value for name, value in fields.items() if value is not ...})


@pytest.mark.parametrize(
    "frame",
    [
        "",
        " ",
        "hello",
        "{",
        "[]",
        "null",
        '"\ud83d"',
        "[" * 100_000,
        envelope(requestId=...),
        envelope(requestId=5),
        envelope(requestId="\ud83d"),
        envelope(requestId="", type="nonsense"),
        envelope(requestId=None, payload=None),
        b"",
        b'{"type":"ping","payload":{},"requestId":"r1","timestamp":"now"}',
        None,
        5,
    ],
    ids=lambda frame: repr(frame)[:50],
)
async def test_a_frame_without_readable_request_id_is_refused_under_a_fresh_one(frame: object) -> None:
    """Binary and empty frames too; afterwards the connection works as before (contract F23)."""
    async with world() as w:
        for client in (w.client(), await w.signed_in(B)):
            before = len(client.frames)
            client.send_text(frame)
            assert (await client.ask("ping")).type == "pong"
            refused = client.frames[before]
            assert (refused.code, refused.payload["error"]) == ("INVALID_MESSAGE", "Invalid message format")
            assert refused.payload["requestId"] is None
            assert len(refused.request_id) == 36


@pytest.mark.parametrize(
    "frame",
    [
        envelope(type=...),
        envelope(type=None),
        envelope(type="nonsense"),
        envelope(payload=...),
        envelope(payload=None),
        envelope(payload="text"),
        envelope(timestamp=...),
        envelope(timestamp=""),
        envelope(timestamp=5),
        envelope(payload={"content": "\ud83d"}),
    ],
    ids=lambda frame: frame[:70],
)
async def test_a_bad_frame_with_request_id_is_refused_under_it(frame: str) -> None:
    """At once, also while a command is pending (contract F23)."""
    async with world() as w:
        client = await w.signed_in(B)
        gate = w.door.hold("messages.page")
        loading = client.send("load_messages", conversationId=ROOM)
        await gate.reached()
        before = len(client.frames)
        client.send_text(frame.replace('"r1"', '"bad"'))
        refused = await client.reply("bad")
        assert client.frames[before:] == [refused]
        assert (refused.code, refused.payload["requestId"]) == ("INVALID_MESSAGE", "bad")
        gate.open()
        assert (await client.reply(loading)).type == "messages_loaded"


@pytest.mark.parametrize("request_id", [None, ""])
async def test_a_command_without_request_id_is_answered_under_a_fresh_one(request_id: str | None) -> None:
    """W2 may send null; no frame of ours ever has none (contract F15, F18)."""
    async with world() as w:
        client = await w.signed_in(B)
        for command in ("ping", "load_conversations", "key_share"):
            client.send_text(envelope(type=command, requestId=request_id))
        last = await client.ask("load_messages", conversationId=ROOM)
        answers = client.frames[1 : client.frames.index(last)]
        assert [answer.type for answer in answers] == ["pong", "conversations_loaded", "error"]
        assert len({answer.request_id for answer in answers}) == 3
        assert answers[2].payload["requestId"] is None


async def test_an_array_is_a_payload_without_fields() -> None:
    """Each action says what it misses."""
    async with world() as w:
        client = await w.signed_in(B)
        client.send_text(envelope(type="join_conversation", payload=[ROOM], requestId="join"))
        client.send_text(envelope(type="auth", payload=["token"], requestId="auth"))
        assert (await client.reply("join")).code == "INVALID_DATA"
        assert (await client.reply("auth")).code == "MISSING_TOKEN"


frames = st.text() | st.binary() | st.none()


@given(st.lists(frames, max_size=10))
async def test_no_frame_ends_a_connection(sent: list[object]) -> None:
    """Each gets one answer, which every client takes."""
    parts = Parts()
    outbox = Outbox(max_frames=100, max_bytes=100_000)
    connection = Connection(parts.context, parts.verifier, outbox, LIMITS, parts.dial)
    for frame in sent:
        connection.receive(frame)
    answers = [read_frame(answer) for answer in outbox._frames]
    assert [answer.code for answer in answers] == ["INVALID_MESSAGE"] * len(sent)
