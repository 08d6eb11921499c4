"""Whatever a client puts into a command, it gets one answer that the action names, and the connection stays usable."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bridge.actions import ACTIONS
from bridge.authentication import Authenticate
from bridge.protocol import LISTED_TYPES
from tests.fuzz.trying import thoroughly, tried
from tests.people import OTHER_ROOM, ROOM, A, B, C, X, message, message_id
from tests.world import Client, world

REQUESTS: dict[str, type[msgspec.Struct]] = {
    **{name: one.request for name, one in ACTIONS.items()},
    "auth": Authenticate,
}
EXCEPTIONS = ("command.failed", "hub.event_lost", "relay.failed")
"""What is logged where an exception was not foreseen."""

names = st.sampled_from(
    [
        ROOM,
        OTHER_ROOM,
        ROOM.upper(),
        A.user_id,
        B.user_id,
        B.auth_id,
        C.user_id,
        X.user_id,
        message_id(1),
        message_id(2),
    ]
)
odd_texts = st.sampled_from(
    [
        "",
        " ",
        "\x00",
        "\\x41",
        "NaN",
        "null",
        "group",
        "direct",
        "text",
        "away",
        "'; drop table messages; --",
        "\u0131",
        "\U0001f600",
    ]
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | names
    | odd_texts
)
values = scalars | st.lists(scalars, max_size=4) | st.dictionaries(st.text(max_size=8) | names, scalars, max_size=4)


@st.composite
def commands(draw: st.DrawFn) -> tuple[str, Any]:
    """Return a command whose fields have names that are looked at, and values of any kind."""
    name = draw(st.sampled_from(sorted(REQUESTS)))
    fields = msgspec.structs.fields(REQUESTS[name])
    known = draw(st.sets(st.sampled_from([field.encode_name for field in fields]))) if fields else set()
    payload: Any = {field: draw(values) for field in sorted(known)}
    if draw(st.booleans()) and "conversationId" in {field.encode_name for field in fields}:
        payload["conversationId"] = ROOM  # else most are refused at the door
    return name, draw(st.just(payload) | values) if draw(st.integers(0, 9)) == 0 else payload


@given(st.lists(commands(), min_size=1, max_size=12))
@thoroughly
async def test_every_command_is_answered_once_as_specified(sent: list[tuple[str, Any]]) -> None:
    """By its reply or one of its errors (tests/world checks that), and never because of an exception of ours."""
    with capture_logs() as logs:
        async with world() as w:
            for number in (1, 2):
                w.legacy_insert(message(number, content="hello"))
            b, c = await w.signed_in(B), await w.signed_in(C)
            b.also = c.also = LISTED_TYPES
            for name, payload in sent:
                await _asked(b, name, payload)
            assert (await b.ask("ping")).type == "pong"
            assert (await c.ask("load_messages", conversationId=ROOM)).type == "messages_loaded"
    assert not [line for line in logs if line["event"] in EXCEPTIONS]
    tried["commands with odd payloads"] += len(sent)


async def _asked(client: Client, name: str, payload: Any) -> None:
    request_id = client.send(name)  # a good envelope, for its id to be watched
    client.connection._commands.clear()
    client.send_text(json.dumps({"type": name, "payload": payload, "requestId": request_id, "timestamp": "now"}))
    await client.reply(request_id)
    assert len([frame for frame in client.frames if frame.request_id == request_id]) == 1
