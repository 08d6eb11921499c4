"""Phoenix framing, versions 1.0.0 and 2.0.0: text and bytes to frames and back, without I/O (supabase.md 2.2)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

import msgspec

Ref = str | int | None
HEARTBEAT_TOPIC = "phoenix"
PUSH_KIND, BROADCAST_KIND = 3, 4
_PUSH_HEADER, _BROADCAST_HEADER = 7, 5
_JSON = msgspec.json.Encoder()
_OBJECT_BYTES = msgspec.json.Decoder(msgspec.Raw)


class MalformedFrame(Exception):
    """The peer sent something that is no Phoenix frame; the real socket dies of it."""


class Version(Enum):
    """The serializers a client chooses between with `vsn` when it connects."""

    V1 = "1.0.0"
    V2 = "2.0.0"

    @classmethod
    def of(cls, vsn: str | None) -> Version:
        """Return the version a `vsn` parameter asks for; none means 1.0.0, as in Phoenix.

        Raises:
            MalformedFrame: a version nobody speaks.

        """
        try:
            return cls(vsn or "1.0.0")
        except ValueError:
            raise MalformedFrame("unknown serializer version") from None


class Encoding(IntEnum):
    """How the payload of a binary broadcast is encoded."""

    BINARY = 0
    JSON = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class BinaryBroadcast:
    """The payload of a user broadcast that came, or goes, as a binary frame."""

    user_event: str
    encoding: Encoding
    body: bytes
    metadata: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One Phoenix message of either direction; `payload` is JSON-able, pre-encoded Raw, or a binary broadcast."""

    topic: str
    event: str
    payload: object
    ref: Ref = None
    join_ref: Ref = None


class _V1Frame(msgspec.Struct):
    topic: str
    event: str
    payload: object = msgspec.UNSET
    ref: str | int | None = None
    join_ref: str | int | None = None


class _V2Frame(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    join_ref: str | int | None
    ref: str | int | None
    topic: str
    event: str
    payload: object


_V1_DECODER = msgspec.json.Decoder(_V1Frame)
_V2_DECODER = msgspec.json.Decoder(_V2Frame)


def decode_text(version: Version, text: str | bytes) -> Frame:
    """Read one text frame.

    Raises:
        MalformedFrame: not JSON or not the shape of that version.

    """
    try:
        read = _V1_DECODER.decode(text) if version is Version.V1 else _V2_DECODER.decode(text)
    except (msgspec.DecodeError, UnicodeError) as error:
        raise MalformedFrame(str(error)) from error
    payload = {} if read.payload is msgspec.UNSET else read.payload
    return Frame(topic=read.topic, event=read.event, payload=payload, ref=read.ref, join_ref=read.join_ref)


def decode_binary(frame: bytes) -> Frame:
    """Read a binary frame of kind 3, a user broadcast pushed by a v2 client.

    Raises:
        MalformedFrame: another kind, an unknown encoding or lengths that do not fit.

    """
    if len(frame) < _PUSH_HEADER or frame[0] != PUSH_KIND:
        raise MalformedFrame("not a user broadcast push")
    sizes, encoding = frame[1:6], frame[6]
    if _PUSH_HEADER + sum(sizes) > len(frame) or encoding not in (0, 1):
        raise MalformedFrame("lengths or encoding of a user broadcast push")
    parts, offset = [], _PUSH_HEADER
    for size in sizes:
        parts.append(frame[offset : offset + size])
        offset += size
    try:
        join_ref, ref, topic, user_event = (part.decode() for part in parts[:4])
    except UnicodeDecodeError as error:
        raise MalformedFrame("text of a user broadcast push") from error
    broadcast = BinaryBroadcast(
        user_event=user_event, encoding=Encoding(encoding), body=frame[offset:], metadata=parts[4]
    )
    return Frame(topic=topic, event="broadcast", payload=broadcast, ref=ref or None, join_ref=join_ref or None)


def encode(version: Version, frame: Frame) -> bytes | None:
    """Write a frame; None when this version cannot carry it (v1 drops binary bodies).

    A binary broadcast becomes kind 4 for v2 and, when its body is JSON, a text frame for v1. Only v2 carries join_ref.
    """
    payload = frame.payload
    if isinstance(payload, BinaryBroadcast):
        if version is Version.V2:
            return encode_broadcast(frame.topic, payload)
        if payload.encoding is Encoding.BINARY:
            return None
        payload = as_text_payload(payload)
    if version is Version.V2:
        return _JSON.encode((frame.join_ref, frame.ref, frame.topic, frame.event, payload))
    return _JSON.encode({"ref": frame.ref, "event": frame.event, "payload": payload, "topic": frame.topic})


def is_binary(version: Version, frame: Frame) -> bool:
    """Tell whether `encode` writes this frame as a binary WebSocket message."""
    return version is Version.V2 and isinstance(frame.payload, BinaryBroadcast)


def encode_broadcast(topic: str, broadcast: BinaryBroadcast) -> bytes:
    """Write kind 4: kind, three lengths, encoding, topic, event, metadata, body.

    Raises:
        MalformedFrame: a part longer than its length byte can say.

    """
    parts = (topic.encode(), broadcast.user_event.encode(), broadcast.metadata)
    if any(len(part) > 255 for part in parts):
        raise MalformedFrame("a part of a binary broadcast is longer than 255 bytes")
    header = bytes((BROADCAST_KIND, *(len(part) for part in parts), broadcast.encoding))
    return b"".join((header, *parts, broadcast.body))


def as_text_payload(broadcast: BinaryBroadcast) -> dict[str, object]:
    """Return the JSON payload that says the same as a binary broadcast whose body is JSON.

    Raises:
        MalformedFrame: the body or the metadata is not JSON after all.

    """
    try:
        payload: dict[str, object] = {
            "event": broadcast.user_event,
            "payload": _OBJECT_BYTES.decode(broadcast.body),
            "type": "broadcast",
        }
        if broadcast.metadata:
            payload["meta"] = _OBJECT_BYTES.decode(broadcast.metadata)
    except msgspec.DecodeError as error:
        raise MalformedFrame("the body of a broadcast is not JSON") from error
    return payload
