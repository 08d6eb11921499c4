"""Text to commands and back: what is refused, with whose request id, and that everything sent pleases every client."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge import protocol
from bridge.errors import INVALID_MESSAGE, Fault, unknown_type
from bridge.protocol import LISTED_TYPES, BadFrame, Command, decode
from tests.emulated_w1 import KNOWN_TYPES, read_frame

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
FRESH = "ffffffff-0000-4000-8000-000000000000"
HALF_EMOJI = "\\ud83d"
MANY_DIGITS = "9" * 5000


def frame(**changes: str) -> str:
    """Return a valid `ping` with raw JSON put in the place of fields; an empty text leaves the field out."""
    fields = {"type": '"ping"', "payload": "{}", "requestId": '"r1"', "timestamp": '"now"', **changes}
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items() if value) + "}"


def refused(text: str) -> str | None:
    """Return the request id under which a frame is refused."""
    with pytest.raises(BadFrame) as caught:
        decode(text)
    return caught.value.request_id


def test_a_command_has_type_payload_and_request_id() -> None:
    """The payload stays as it came until the action is known; unknown fields are ignored."""
    command = decode(frame(type='"send_message"', payload=' \n {"content":"hi"} ', extra="[1]"))
    assert (command.type, bytes(command.payload), command.request_id) == ("send_message", b'{"content":"hi"}', "r1")


@pytest.mark.parametrize("request_id", ["null", '""'])
def test_a_command_may_have_no_request_id(request_id: str) -> None:
    """Null is allowed from W2 on; an empty text is no id that a client could recognise."""
    assert decode(frame(requestId=request_id)).request_id is None


def test_an_array_is_a_payload_without_fields() -> None:
    """The clients' validators let arrays pass as objects."""
    assert bytes(decode(frame(payload="[1,2]")).payload) == b"{}"


@pytest.mark.parametrize("frame_type", sorted(LISTED_TYPES))
def test_every_listed_type_makes_a_valid_envelope(frame_type: str) -> None:
    """Whether it is an action is not the wire's business."""
    assert decode(frame(type=f'"{frame_type}"')).type == frame_type


def test_the_list_of_types_is_the_contracts() -> None:
    """31 types known to every client, 17 of later steps (contract ws-protocol section 3), and the bridge's own."""
    assert KNOWN_TYPES < LISTED_TYPES
    own = {"mark_as_read", "marked_as_read", "messages_read", "message_updated", "message_deleted"}
    own |= {"load_presence", "presence_loaded", "set_presence", "presence_set", "presence_changed", "connection_status"}
    own |= {"conversation_added", "conversation_changed", "conversation_removed", "member_added", "member_removed"}
    own |= {"load_participants", "participants_loaded", "add_participants", "participants_added"}
    own |= {"search_users", "users_found", "set_own_timer", "own_timer_set"}
    own |= {"load_conversation_timer", "conversation_timer_loaded", "set_conversation_timer", "conversation_timer_set"}
    own |= {"load_retention", "retention_loaded", "set_retention", "retention_set", "update_profile", "profile_updated"}
    own |= {"rollout_changed"}
    assert own < LISTED_TYPES
    assert len(LISTED_TYPES - KNOWN_TYPES - own) == 17


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "hello",
        "{",
        "{}",
        "[]",
        "null",
        "true",
        "5",
        "NaN",
        '"text"',
        '["requestId","r1"]',
        "\x00",
        '{"requestId":"r1"',
        frame() + "x",
        frame() + frame(),
        "\ufeff" + frame(),
        "'" + frame() + "'",
        frame(payload='{"a":\x00}'),
        frame(payload='{"a":"\x01"}'),
        frame(payload='{"a":tru}'),
        frame(payload='{"a":"\\q"}'),
        frame(payload="[" * 100_000),
        frame(payload="[" * 100_000 + "]" * 100_000),
        '"\ud83d"',
        frame(type="null", requestId=""),
        frame(type="5", requestId="5"),
        frame(type="5", requestId="null"),
        frame(type="5", requestId='""'),
        frame(type="5", requestId="{}"),
    ],
    ids=lambda text: repr(text[:60]),
)
def test_a_frame_without_readable_request_id_is_refused_without_one(text: str) -> None:
    """Not JSON, not an object, nothing to echo (contract F23)."""
    assert refused(text) is None


@pytest.mark.parametrize(
    "text",
    [
        frame(type=""),
        frame(type="null"),
        frame(type="5"),
        frame(type='["ping"]'),
        frame(type='""'),
        frame(type='"PING"'),
        frame(type='"no_such_type"'),
        frame(type='"__proto__"'),
        frame(type='"ping\\u0000"'),
        frame(payload=""),
        frame(payload="null"),
        frame(payload='"text"'),
        frame(payload="5"),
        frame(payload="true"),
        frame(timestamp=""),
        frame(timestamp="null"),
        frame(timestamp="5"),
        frame(timestamp='""'),
        frame(type="5", payload=f'{{"content":"{HALF_EMOJI}"}}'),
        frame(payload=f'{{"content":"{HALF_EMOJI}"}}'),
        frame(type="5", payload=f'{{"limit":{MANY_DIGITS}}}'),
        frame(type="5", payload='{"limit":1e999}'),
        frame(type="5", payload='{"limit":NaN}'),
        frame(type="5", extra=MANY_DIGITS),
        '{"requestId":"r0","requestId":"r1"}',
    ],
    ids=lambda text: repr(text[:90]),
)
def test_a_refused_frame_keeps_its_request_id(text: str) -> None:
    """A request that is never answered hangs for 30 s, so what can be read is echoed (contract F23)."""
    assert refused(text) == "r1"


@pytest.mark.parametrize(
    ("request_id", "echoed"), [("5", None), ("[]", None), ("{}", None), ("true", None), ("", None)]
)
def test_a_request_id_that_is_no_text_cannot_be_echoed(request_id: str, echoed: str | None) -> None:
    """Absent or of the wrong type, the frame is refused under a fresh id."""
    assert refused(frame(requestId=request_id)) == echoed


@pytest.mark.parametrize("request_id", [f'"{HALF_EMOJI}"', f'"r{HALF_EMOJI}1"', '"\ud83d"'])
def test_a_request_id_that_cannot_be_sent_is_not_echoed(request_id: str) -> None:
    """Half an emoji is no Unicode text: answering with it would fail and end the connection."""
    assert refused(frame(requestId=request_id)) is None


def test_the_last_of_repeated_fields_counts() -> None:
    """As in every browser."""
    assert decode('{"type":"auth",' + frame()[1:]).type == "ping"
    assert decode('{"requestId":"r0",' + frame()[1:]).request_id == "r1"


@pytest.mark.parametrize("depth", [10, 900])
def test_a_deep_payload_is_only_a_payload(depth: int) -> None:
    """What the action thinks of it is another question."""
    assert decode(frame(payload='{"a":' + "[" * depth + "]" * depth + "}")).request_id == "r1"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
any_type = st.sampled_from(sorted(LISTED_TYPES)) | json_values
envelopes = st.fixed_dictionaries(
    {},
    optional={
        "type": any_type,
        "payload": json_values,
        "requestId": json_values | st.text(),
        "timestamp": json_values | st.just("t"),
    },
)


@given(st.text() | json_values.map(json.dumps) | envelopes.map(json.dumps) | st.text(st.characters(), max_size=3))
@example('{"requestId":"\\ud800"}')
@example('"\ud800"')
def test_whatever_comes_is_a_command_or_a_bad_frame_and_can_be_answered(text: str) -> None:
    """Nothing else is ever raised, and the answer is a frame that every client takes (contract F18, F23)."""
    request_id: str | None
    try:
        command = decode(text)
    except BadFrame as bad:
        request_id = bad.request_id
    else:
        assert isinstance(command, Command)
        assert command.type in LISTED_TYPES
        assert bytes(command.payload).startswith(b"{")
        request_id = command.request_id
    assert request_id != ""
    answer = read_frame(protocol.error(INVALID_MESSAGE, request_id, FRESH, NOW))
    assert answer.request_id == request_id or (request_id is None and answer.request_id == FRESH)


@given(envelopes)
def test_a_readable_request_id_is_never_lost(envelope: dict[str, object]) -> None:
    """Whatever else is wrong with a frame."""
    sent = envelope.get("requestId")
    readable = sent if isinstance(sent, str) and sent else None
    try:
        read = decode(json.dumps(envelope)).request_id
    except BadFrame as bad:
        read = bad.request_id
    assert read == readable


def test_a_refusal_names_the_request_twice() -> None:
    """Code, text and request id are in the payload, the request id at the top as well."""
    text = protocol.error(unknown_type("call_offer"), "r1", FRESH, NOW)
    assert json.loads(text) == {
        "type": "error",
        "payload": {
            "error": "Unknown message type: call_offer",
            "code": "UNKNOWN_MESSAGE_TYPE",
            "requestId": "r1",
        },
        "requestId": "r1",
        "timestamp": "2026-01-02T03:04:05.678Z",
    }


def test_a_refusal_without_request_carries_a_fresh_id() -> None:
    """At the top a fresh uuid, which W1 needs; in the payload null, which says that nothing could be read."""
    answer = read_frame(protocol.error(INVALID_MESSAGE, None, FRESH, NOW))
    assert (answer.request_id, answer.payload["requestId"]) == (FRESH, None)
    assert (answer.payload["code"], answer.payload["error"]) == ("INVALID_MESSAGE", "Invalid message format")


@given(st.sampled_from(sorted(KNOWN_TYPES)), st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_replies_and_pushes_are_frames_for_every_client(frame_type: str, text: str) -> None:
    """One constructor makes them all (contract F18)."""
    answer = read_frame(protocol.reply(frame_type, {"echo": text}, text, NOW))
    assert (answer.type, answer.payload, answer.request_id) == (frame_type, {"echo": text}, text)
    assert read_frame(protocol.push(frame_type, {}, FRESH, NOW)).request_id == FRESH


def test_the_fault_is_all_that_a_client_learns() -> None:
    """No other text gets into an error frame (contract F11)."""
    fault = Fault(INVALID_MESSAGE.code, "fixed")
    assert read_frame(protocol.error(fault, None, FRESH, NOW)).payload["error"] == "fixed"
