"""Ids: fresh ones for frames, and ids of rows that say that the bridge wrote them.

The bridge writes UUID version 8, legacy writers version 4 (design decision 5): the version alone tells, for every
row, whether the bridge saw it as a request.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import uuid
from datetime import datetime

from bridge.models import ConversationId, GroupId, MessageId, UserId

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_VERSION_DIGIT = 14


def fresh_id() -> str:
    """Return a random uuid, version 4, for a frame or a connection."""
    return str(uuid.uuid4())


def canonical_uuid(text: str) -> str | None:
    """Return the lower-case form of a uuid written with hyphens, or None for any other text."""
    lowered = text.lower()
    return lowered if _UUID.fullmatch(lowered) else None


def new_message_id(now: datetime) -> MessageId:
    """Return a message id of our own: version 8, beginning with the milliseconds so that new rows sit together."""
    return MessageId(_timed(now))


def new_conversation_id(now: datetime) -> ConversationId:
    """Return an id for a conversation that nothing but itself determines."""
    return ConversationId(_timed(now))


def new_group_id(now: datetime) -> GroupId:
    """Return an id for a group."""
    return GroupId(_timed(now))


def direct_conversation_id(one: UserId, other: UserId, generation: int) -> ConversationId:
    """Return the id of the direct conversation of two people, whoever of them asks, in whichever process.

    A later generation is for when the conversation with the earlier id has become something else, a group say.
    """
    first, second = sorted((one, other))
    digest = hashlib.sha256(f"direct\0{first}\0{second}\0{generation}".encode()).digest()
    return ConversationId(_version_8(int.from_bytes(digest[:16])))


def new_invite_code() -> str:
    """Return a code that cannot be guessed from others: 8 upper-case hex digits, as the app's own."""
    return secrets.token_hex(4).upper()


def derived_message_id(sender: UserId, client_message_id: str) -> MessageId:
    """Return the id of the message that this sender calls `client_message_id`: a retried send is the same row."""
    digest = hashlib.sha256(f"message\0{sender}\0{client_message_id}".encode()).digest()
    return MessageId(_version_8(int.from_bytes(digest[:16])))


def written_by_bridge(message_id: str) -> bool:
    """Tell our own rows (version 8) from legacy writers' (version 4)."""
    return len(message_id) > _VERSION_DIGIT and message_id[_VERSION_DIGIT] == "8"


def _timed(now: datetime) -> str:
    milliseconds = int(now.timestamp() * 1000)
    return _version_8((milliseconds & (1 << 48) - 1) << 80 | uuid.uuid4().int & (1 << 80) - 1)


def _version_8(number: int) -> str:
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=number))
