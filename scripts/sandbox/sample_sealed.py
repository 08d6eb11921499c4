"""What the sample people have written under seal (DB-3): who holds a copy, who should and does not, what is in one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

import msgspec

from scripts.sandbox.cast import OPENED, fixed_id
from scripts.sandbox.sample_messages import BUFFER_JSON, SampleMessage

SEALING_BEGAN: Final = OPENED + timedelta(days=10)
# Sizes of ML-KEM-1024 and of a stream cipher: a copy is larger than the 2 kB up to which PostgreSQL keeps a value in
# its row, so a change of read_at comes through Realtime without it.
_FIELD_BYTES: Final = {"kem": 1568, "s": 32, "n": 24, "c": 64}


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedMessage:
    """One messages row without a text, and its copies.

    Attributes:
        recipients: whose copy there is, by name: the active members of that time, the sender among them.
        expired_for: whose copy has been read and has expired since.

    """

    id: str
    conversation: str
    sender: str
    sent_at: datetime
    recipients: tuple[str, ...]
    reply_to: str | None = None
    expired_for: tuple[str, ...] = ()

    @property
    def row(self) -> SampleMessage:
        """The messages row: its content is a serialised empty Buffer, which means nothing (contract F45)."""
        return SampleMessage(
            id=self.id,
            conversation=self.conversation,
            sender=self.sender,
            text=BUFFER_JSON,
            sent_at=self.sent_at,
            reply_to=self.reply_to,
        )


def _sealed(number: int, conversation: str, sender: str, *recipients: str) -> SealedMessage:
    return SealedMessage(
        id=fixed_id("e", 2000 + number),
        conversation=conversation,
        sender=sender,
        sent_at=SEALING_BEGAN + timedelta(minutes=number),
        recipients=recipients,
    )


# Each in a conversation that holds plain rows of DB-2, too, but for the note (contract F46).
_SEALED: Final[Mapping[str, SealedMessage]] = {
    "sealed-hello": _sealed(1, "bob-carol", "bob", "bob", "carol"),
    "sealed-answer": replace(_sealed(2, "bob-carol", "carol", "bob", "carol"), reply_to="sealed-hello"),
    "sealed-after-plain": replace(_sealed(4, "bob-carol", "bob", "bob", "carol"), reply_to="hello"),
    "sealed-room": _sealed(5, "general", "alice", "alice", "bob", "carol", "dave"),
    "dave-forgotten": _sealed(6, "general", "bob", "alice", "bob", "carol"),
    "junk": _sealed(7, "general", "carol"),
    "bob-let-it-expire": replace(_sealed(8, "general", "dave", "alice", "bob", "carol", "dave"), expired_for=("bob",)),
    "before-bob-left": _sealed(9, "book-club", "carol", "bob", "carol", "dave"),
    "bob-has-left": replace(_sealed(10, "book-club", "dave", "carol", "dave"), sent_at=OPENED + timedelta(days=21)),
    "note": _sealed(11, "carol-notes", "carol", "carol"),
}
# Written between sealed ones by somebody who does not seal: a legacy client, say.
_PLAIN: Final[Mapping[str, SampleMessage]] = {
    "plain-between": SampleMessage(
        id=fixed_id("e", 2003),
        conversation="bob-carol",
        sender="carol",
        text="Not sealed: from my old phone.",
        sent_at=SEALING_BEGAN + timedelta(minutes=3),
        reply_to="sealed-answer",
    ),
}
SEALED: Final[Mapping[str, SealedMessage]] = MappingProxyType(_SEALED)
LATER_MESSAGES: Final[Mapping[str, str]] = MappingProxyType(
    {name: message.id for name, message in _SEALED.items()} | {name: message.id for name, message in _PLAIN.items()}
)


def sealed_messages(conversations: Container[str]) -> list[SealedMessage]:
    """Return those of these conversations, each after the one it replies to."""
    return [message for message in _SEALED.values() if message.conversation in conversations]


def plain_messages() -> list[SampleMessage]:
    """Return what was written plainly after the sealing had begun; it may reply to sealed ones."""
    return list(_PLAIN.values())


def sealed_copy(message_id: str, recipient: str) -> str:
    """Return somebody's copy of a message, as W3 makes them: JSON that no server opens (ws-protocol, section 7).

    Nothing is encrypted here: the fields have the right sizes, and are the same every time.
    """
    fields = {
        name: base64.b64encode(hashlib.shake_256(f"{message_id} {recipient} {name}".encode()).digest(size)).decode()
        for name, size in _FIELD_BYTES.items()
    }
    sealed_at = int(SEALING_BEGAN.timestamp() * 1000)
    return msgspec.json.encode({"v": 3, "alg": "ML-KEM-1024", **fields, "t": sealed_at}).decode()
