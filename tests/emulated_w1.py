"""What W1 accepts, the strictest of all clients (contract ws-protocol sections 2 and 3, F18)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

KNOWN_TYPES = frozenset(
    {
        "auth",
        "auth_success",
        "auth_error",
        "load_conversations",
        "conversations_loaded",
        "join_conversation",
        "leave_conversation",
        "conversation_joined",
        "conversation_left",
        "create_conversation",
        "conversation_created",
        "send_message",
        "message_sent",
        "message_received",
        "load_messages",
        "messages_loaded",
        "load_more_messages",
        "typing_start",
        "typing_stop",
        "typing_update",
        "create_group",
        "group_created",
        "join_group",
        "group_joined",
        "load_groups",
        "groups_loaded",
        "user_online",
        "user_offline",
        "error",
        "ping",
        "pong",
    }
)


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame that the client took; payload values are whatever JSON holds."""

    type: str
    payload: dict[str, Any]
    request_id: str
    timestamp: str

    @property
    def code(self) -> str:
        """Return the code of an error frame."""
        assert self.type == "error", self
        return str(self.payload["code"])


def read_frame(text: str, also: frozenset[str] = frozenset()) -> Frame:
    """Read a frame as W1 does; where W1 would drop it, the test fails. `also`: types that a newer client knows."""
    envelope = json.loads(text)
    assert isinstance(envelope, dict)
    assert envelope["type"] in KNOWN_TYPES | also
    assert isinstance(envelope["payload"], dict)
    assert isinstance(envelope["requestId"], str)
    assert envelope["requestId"]
    assert isinstance(envelope["timestamp"], str)
    assert envelope["timestamp"]
    assert envelope.keys() == {"type", "payload", "requestId", "timestamp"}
    return Frame(envelope["type"], envelope["payload"], envelope["requestId"], envelope["timestamp"])
