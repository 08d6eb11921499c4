"""What metadata a message may carry."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from bridge.actions import ACTIONS
from bridge.actions.metadata import MAX_METADATA_BYTES, MAX_METADATA_DEPTH
from bridge.errors import ActionError
from tests.actions.performing import listening, perform, refusal, told
from tests.parts import Parts
from tests.people import ROOM, A, B


def nested(levels: int) -> dict[str, object]:
    """Return an object of so many levels."""
    value: dict[str, object] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"isAsciiArt": True},
        {"a": [1, 2.5, None, "\U0001f600", {"b": []}]},
        nested(MAX_METADATA_DEPTH),
        {"a": "x" * (MAX_METADATA_BYTES - len('{"a": ""}'))},
    ],
    ids=lambda metadata: str(metadata)[:40],
)
async def test_metadata_is_carried(metadata: dict[str, object]) -> None:
    """The original dropped it (contract F21); it is in the table, the reply, the push and the page."""
    parts = Parts()
    a = listening(parts, A)
    sent = await perform(parts, B, "send_message", conversationId=ROOM, content="hi", metadata=metadata)
    page = await perform(parts, A, "load_messages", conversationId=ROOM)
    pushed = json.loads(a.frames[0])["payload"]["message"]
    assert parts.stored()[0].metadata == sent["message"]["metadata"] == pushed["metadata"] == metadata
    assert page["messages"][0]["metadata"] == metadata


async def test_null_is_no_metadata() -> None:
    """As if it were absent."""
    parts = Parts()
    await perform(parts, B, "send_message", conversationId=ROOM, content="hi", metadata=None)
    assert parts.stored()[0].metadata == {}


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        "text",
        5,
        True,
        {"a": "x" * MAX_METADATA_BYTES},
        nested(MAX_METADATA_DEPTH + 1),
        {"a": [[nested(MAX_METADATA_DEPTH - 2)]]},
    ],
    ids=lambda metadata: str(metadata)[:40],
)
async def test_metadata_is_a_small_object(metadata: object) -> None:
    """What no reader could digest is refused before it is written (contract F21)."""
    parts = Parts()
    fault = await refusal(parts, B, "send_message", conversationId=ROOM, content="hi", metadata=metadata)
    assert told(fault) == ("INVALID_DATA", "Metadata must be an object of at most 16384 bytes and 50 levels")
    assert parts.stored() == []


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        (b'{"a":1e400}', "INVALID_DATA"),
        (b'{"a":' + b"[" * 900 + b"]" * 900 + b"}", "INVALID_DATA"),
        (b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}", "MISSING_REQUIRED_FIELDS"),
        (b'{"a":"\\ud83d"}', "MISSING_REQUIRED_FIELDS"),
    ],
    ids=lambda given: str(given)[:30],
)
async def test_metadata_that_no_parser_reads_is_refused(metadata: bytes, code: str) -> None:
    """Too large a number, endless nesting, half an emoji: some make the whole payload unreadable."""
    parts = Parts()
    payload = b'{"conversationId":"' + ROOM.encode() + b'","content":"hi","metadata":' + metadata + b"}"
    with pytest.raises(ActionError) as caught:
        await ACTIONS["send_message"].perform(Raw(payload), parts.caller(B), parts.context)
    assert caught.value.fault.code.value == code
    assert parts.stored() == []
