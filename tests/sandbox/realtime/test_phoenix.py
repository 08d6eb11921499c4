"""Framing: both versions read and write what Phoenix does, and refuse what it would die of."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.sandbox.realtime.phoenix import (
    BinaryBroadcast,
    Encoding,
    Frame,
    MalformedFrame,
    Version,
    decode_binary,
    decode_text,
    encode,
    is_binary,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda children: st.lists(children, max_size=3) | st.dictionaries(st.text(), children, max_size=3),
    max_leaves=8,
)
refs = st.none() | st.text(max_size=20) | st.integers(0, 2**31)
short = st.text(max_size=60).filter(lambda text: len(text.encode()) <= 255)


def push_of(
    join_ref: str, ref: str, topic: str, event: str, body: bytes, *, meta: bytes = b"", encoding: int = 1
) -> bytes:
    """Write kind 3 as supabase-js does."""
    parts = (join_ref.encode(), ref.encode(), topic.encode(), event.encode(), meta)
    return bytes((3, *map(len, parts), encoding)) + b"".join(parts) + body


@given(topic=st.text(), event=st.text(), payload=json_values, ref=refs, join_ref=refs)
def test_v2_frames_survive_a_round_trip(
    topic: str, event: str, payload: object, ref: str | int | None, join_ref: str | int | None
) -> None:
    """What v2 writes it reads back, join_ref included."""
    frame = Frame(topic=topic, event=event, payload=payload, ref=ref, join_ref=join_ref)
    text = encode(Version.V2, frame)
    assert text is not None
    assert decode_text(Version.V2, text) == frame


@given(topic=st.text(), event=st.text(), payload=json_values, ref=refs, join_ref=refs)
def test_v1_frames_lose_only_their_join_ref(
    topic: str, event: str, payload: object, ref: str | int | None, join_ref: str | int | None
) -> None:
    """A server frame of v1 has four fields; a client's may have five."""
    frame = Frame(topic=topic, event=event, payload=payload, ref=ref, join_ref=join_ref)
    text = encode(Version.V1, frame)
    assert text is not None
    assert json.loads(text).keys() == {"ref", "event", "payload", "topic"}
    assert decode_text(Version.V1, text) == Frame(topic=topic, event=event, payload=payload, ref=ref)
    sent = json.dumps({"topic": topic, "event": event, "payload": payload, "ref": ref, "join_ref": join_ref})
    assert decode_text(Version.V1, sent) == frame


def test_the_recorded_heartbeat_reply_is_written_to_the_letter() -> None:
    """Field for field what the real server sent."""
    reply = Frame(topic="phoenix", event="phx_reply", payload={"status": "ok", "response": {}})
    assert encode(Version.V1, reply) == (
        b'{"ref":null,"event":"phx_reply","payload":{"status":"ok","response":{}},"topic":"phoenix"}'
    )


@pytest.mark.parametrize("text", ["", "no json", "[]", "{}", '{"topic":1,"event":"e"}', "[1,2,3]", '"text"', "\udc80"])
@pytest.mark.parametrize("version", Version)
def test_what_is_no_frame_is_malformed(version: Version, text: str) -> None:
    """Neither version takes something of another shape."""
    with pytest.raises(MalformedFrame):
        decode_text(version, text)


def test_versions_are_chosen_by_vsn() -> None:
    """Without a vsn a client gets 1.0.0, as in Phoenix; an unknown one is refused."""
    assert Version.of(None) is Version.V1
    assert Version.of("2.0.0") is Version.V2
    with pytest.raises(MalformedFrame):
        Version.of("3.0.0")


@given(join_ref=short, ref=short, topic=short, event=short, body=st.binary(), meta=st.binary(max_size=255))
def test_a_binary_push_is_read(join_ref: str, ref: str, topic: str, event: str, body: bytes, meta: bytes) -> None:
    """Kind 3 gives every part back; empty refs mean none."""
    frame = decode_binary(push_of(join_ref, ref, topic, event, body, meta=meta, encoding=0))
    assert frame.topic == topic
    assert (frame.join_ref, frame.ref) == (join_ref or None, ref or None)
    assert frame.payload == BinaryBroadcast(user_event=event, encoding=Encoding.BINARY, body=body, metadata=meta)


@given(st.binary(max_size=40))
def test_any_other_bytes_are_malformed_or_a_push(buffer: bytes) -> None:
    """No input makes the decoder fail in another way."""
    try:
        assert decode_binary(buffer).event == "broadcast"
    except MalformedFrame:
        assert True


@given(topic=short, event=short, body=st.binary(), meta=st.binary(max_size=255))
def test_a_binary_broadcast_is_laid_out_as_kind_4(topic: str, event: str, body: bytes, meta: bytes) -> None:
    """Kind, three lengths, encoding, then the parts, as supabase-js reads them."""
    broadcast = BinaryBroadcast(user_event=event, encoding=Encoding.BINARY, body=body, metadata=meta)
    frame = Frame(topic=topic, event="broadcast", payload=broadcast)
    found = encode(Version.V2, frame)
    assert is_binary(Version.V2, frame)
    assert found is not None
    assert found[0] == 4
    sizes, rest = found[1:4], found[5:]
    assert found[4] == Encoding.BINARY
    assert rest == topic.encode() + event.encode() + meta + body
    assert list(sizes) == [len(topic.encode()), len(event.encode()), len(meta)]


def test_v1_reads_a_json_broadcast_as_text_and_never_a_binary_one() -> None:
    """v1 has no binary frames: JSON bodies become text, binary bodies are dropped."""
    body = BinaryBroadcast(user_event="e", encoding=Encoding.JSON, body=b'{"a":1}', metadata=b'{"id":"x"}')
    frame = Frame(topic="realtime:t", event="broadcast", payload=body)
    text = encode(Version.V1, frame)
    assert text is not None
    assert json.loads(text)["payload"] == {"event": "e", "payload": {"a": 1}, "type": "broadcast", "meta": {"id": "x"}}
    binary = BinaryBroadcast(user_event="e", encoding=Encoding.BINARY, body=b"\x00")
    assert encode(Version.V1, Frame(topic="realtime:t", event="broadcast", payload=binary)) is None
    assert not is_binary(Version.V1, frame)


def test_a_broken_json_body_and_an_overlong_part_are_malformed() -> None:
    """Neither can be put into a frame."""
    broken = BinaryBroadcast(user_event="e", encoding=Encoding.JSON, body=b"{")
    with pytest.raises(MalformedFrame):
        encode(Version.V1, Frame(topic="realtime:t", event="broadcast", payload=broken))
    long = BinaryBroadcast(user_event="e" * 256, encoding=Encoding.BINARY, body=b"")
    with pytest.raises(MalformedFrame):
        encode(Version.V2, Frame(topic="realtime:t", event="broadcast", payload=long))


@pytest.mark.parametrize(
    "frame",
    [
        push_of("1", "2", "t", "e", b"")[:8],  # cut off
        push_of("1", "2", "t", "e", b"", encoding=2),  # an encoding nobody knows
        bytes((3, 1, 0, 0, 0, 0, 1)) + b"\xff",  # no UTF-8
        bytes((4, 0, 0, 0, 0, 0, 0)),  # the server's kind
    ],
)
def test_broken_pushes_are_malformed(frame: bytes) -> None:
    """Lengths, encoding, text and kind are checked."""
    with pytest.raises(MalformedFrame):
        decode_binary(frame)
