"""Whatever a test client receives is held to the specification: what does not fit makes the test fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bridge.specification.examples import EXAMPLES
from tests.emulated_w1 import Frame
from tests.people import B
from tests.receivers import Receiver
from tests.specified import NotSpecified, check_answer, check_from_bridge, check_from_client, check_refusal
from tests.world import world

RECEIVED = EXAMPLES["message_received"][0].answer


def changed(**fields: object) -> str:
    """Return a message_received with fields of its message replaced, or left out where `...`."""
    frame: dict[str, Any] = json.loads(RECEIVED)
    message = {**frame["payload"]["message"], **fields}
    frame["payload"]["message"] = {name: value for name, value in message.items() if value is not ...}
    return json.dumps(frame)


def test_what_is_specified_passes() -> None:
    """In either direction."""
    check_from_bridge(RECEIVED)
    check_from_bridge(changed(content_state="sealed", content_type="text/plain"))
    check_from_client(str(EXAMPLES["ping"][0].command))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (changed(id=...), r"\$\.payload\.message: 'id' is a required property"),
        (changed(id=5), r"\$\.payload\.message\.id: 5 is not of type 'string'"),
        (changed(id=None), r"message_received: \$\.payload\.message\.id: None"),
        (changed(id="m1"), "'m1' is not a 'uuid'"),
        (changed(created_at="yesterday"), "'yesterday' is not a 'date-time'"),
        (changed(created_at="2026-01-01T00:00:00"), "is not a 'date-time'"),
        (changed(content_state="open"), "'open' is not one of"),
        (changed(colour="red"), "'colour' was unexpected"),
        (changed(sender={"id": "x"}), r"\$\.payload\.message\.sender"),
        (RECEIVED.replace('"requestId":"', '"requestID":"'), "requestI"),
        (RECEIVED.replace("message_received", "message_lost"), "no frame of this kind"),
        (str(EXAMPLES["ping"][0].command), "no frame of this kind"),
        ("[]", "no frame of this kind"),
    ],
)
def test_what_is_not_specified_is_named(text: str, complaint: str) -> None:
    """A field too few, too many or of another kind, and types that the bridge does not send."""
    with pytest.raises(NotSpecified, match=complaint):
        check_from_bridge(text)


def test_a_command_is_no_frame_of_the_bridge_though_it_may_share_its_type() -> None:
    """typing_start goes both ways (contract F19)."""
    [example] = EXAMPLES["typing_start"]
    check_from_client(str(example.command))
    check_from_bridge(example.answer)
    with pytest.raises(NotSpecified, match="isTyping"):
        check_from_client(example.answer)
    with pytest.raises(NotSpecified, match="isTyping"):
        check_from_bridge(str(example.command))


def refusal(code: str, text: str) -> Frame:
    """Return an error reply."""
    return Frame("error", {"error": text, "code": code, "requestId": "1"}, "1", "now")


def test_an_answer_has_to_be_the_commands_own() -> None:
    """Another type, or an error that it does not name."""
    check_answer("ping", Frame("pong", {}, "1", "now"))
    check_answer("load_groups", refusal("DATABASE_ERROR", "Failed to load groups"))
    check_answer("key_share", refusal("UNKNOWN_MESSAGE_TYPE", "Unknown message type: key_share"))
    with pytest.raises(NotSpecified, match="answered by pong, not by groups_loaded"):
        check_answer("load_groups", Frame("pong", {}, "1", "now"))
    with pytest.raises(NotSpecified, match="not among its `refusals`"):
        check_answer("load_groups", refusal("DATABASE_ERROR", "Failed to load messages"))
    with pytest.raises(NotSpecified, match="not among its `refusals`"):
        check_refusal("load_groups", "ACCESS_DENIED", "Access denied to conversation")
    with pytest.raises(NotSpecified, match="key_share is no command"):
        check_answer("key_share", Frame("pong", {}, "1", "now"))


async def test_every_client_of_the_tests_looks() -> None:
    """Those of a world and its bare receivers."""
    with pytest.raises(NotSpecified):
        Receiver(B).deliver("{}")
    async with world() as w:
        client = w.client()
        with pytest.raises(NotSpecified):
            await client.take(changed(colour="red"))
        client.send("load_groups")
        with pytest.raises(NotSpecified, match="answered by pong"):
            await client.take('{"type":"pong","payload":{},"requestId":"r1","timestamp":"2026-01-01T00:00:00.000Z"}')
