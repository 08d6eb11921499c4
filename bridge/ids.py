"""Ids: fresh ones for frames, and message ids that say that the bridge wrote them.

The bridge writes UUID version 8, legacy writers version 4 (design decision 5): the version alone tells, for every
row, whether the bridge saw it as a request.
"""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import datetime

from bridge.models import MessageId, UserId

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
    milliseconds = int(now.timestamp() * 1000)
    return MessageId(_version_8((milliseconds & (1 << 48) - 1) << 80 | uuid.uuid4().int & (1 << 80) - 1))


def derived_message_id(sender: UserId, client_message_id: str) -> MessageId:
    """Return the id of the message that this sender calls `client_message_id`: a retried send is the same row."""
    digest = hashlib.sha256(f"message\0{sender}\0{client_message_id}".encode()).digest()
    return MessageId(_version_8(int.from_bytes(digest[:16])))


def written_by_bridge(message_id: str) -> bool:
    """Tell our own rows (version 8) from legacy writers' (version 4)."""
    return len(message_id) > _VERSION_DIGIT and message_id[_VERSION_DIGIT] == "8"


def _version_8(number: int) -> str:
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return str(uuid.UUID(int=number))
