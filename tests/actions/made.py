"""What create_conversation has made, as a test sees it in the tables."""

from __future__ import annotations

from typing import Any

from bridge.ids import direct_conversation_id
from bridge.models import ConversationId
from tests.parts import Parts
from tests.people import A, B, C

CREATE = "create_conversation"
ADD_FAILED = ("DATABASE_ERROR", "Failed to add participants")
DIRECT_ID = direct_conversation_id(B.user_id, C.user_id, 0)
DIRECT: dict[str, Any] = {"participantIds": [C.user_id]}
OURS: dict[str, Any] = {"type": "group", "participant_ids": [C.user_id, A.user_id]}


def members(parts: Parts, made: dict[str, Any]) -> dict[str, str | None]:
    """Return the active members of what was made, with their roles."""
    found = ConversationId(made["id"])
    return {user_id: parts.tables.role_of(found, user_id) for user_id in parts.tables.active(found)}


def made_so_far(parts: Parts) -> int:
    """Return how many conversations there are beyond those of the tests' world."""
    return len(parts.tables.conversation_rows) - len(Parts().tables.conversation_rows)
