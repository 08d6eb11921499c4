"""The JSON of the old endpoints for conversations and their participants (contract legacy-rest 3.2 to 3.4). Pure.

Bodies become requests of actions, results become answers; key names, texts and the order of checks are the contract's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.actions.adding import IDS_REQUIRED, AddParticipants, ParticipantsAdded
from bridge.actions.creating import TYPES, ConversationCreated, CreateConversation
from bridge.actions.people_meant import MAX_PARTICIPANTS
from bridge.people_rows import ParticipantRow
from bridge.rows import Id
from compat.errors import Refusal, Refused
from compat.reading import Text, fields_of, ids_of, text_of

TYPE_INVALID: Final = Refusal(400, "Invalid conversation type")
PARTICIPANTS_REQUIRED: Final = Refusal(400, "participant_ids is required and must be a non-empty array")
NAME_INVALID: Final = Refusal(400, "name must be a string without NUL characters")
USER_IDS_REQUIRED: Final = Refusal(400, IDS_REQUIRED.text)


class Creation(Struct, frozen=True, kw_only=True):
    """Body of POST /api/chat/conversations."""

    type: Literal["direct", "group", "room"]
    participant_ids: Annotated[list[Id], Meta(min_length=1, max_length=MAX_PARTICIPANTS)]
    name: Text | None = None
    group_id: Id | None = None


class Created(Struct, frozen=True, kw_only=True):
    """Answer of POST /api/chat/conversations."""

    conversation_id: Id
    message: str


class Participants(Struct, frozen=True, kw_only=True):
    """Answer of GET /api/chat/conversations/{conversation_id}/participants."""

    participants: Sequence[ParticipantRow]


class Addition(Struct, frozen=True, kw_only=True):
    """Body of POST /api/chat/conversations/{conversation_id}/participants."""

    user_ids: Annotated[list[Id], Meta(min_length=1, max_length=MAX_PARTICIPANTS)]


class Added(Struct, frozen=True, kw_only=True):
    """Answer of POST /api/chat/conversations/{conversation_id}/participants; no count where nobody was new."""

    message: str
    added_count: int | UnsetType = UNSET


def creation(body: object) -> CreateConversation:
    """Read what conversation is wanted.

    Raises:
        Refused: 400.

    """
    fields = fields_of(body)
    kind, ids, name = fields.get("type"), fields.get("participant_ids"), fields.get("name")
    if not isinstance(kind, str) or kind not in TYPES:
        raise Refused(*TYPE_INVALID)
    if not isinstance(ids, list) or not ids:
        raise Refused(*PARTICIPANTS_REQUIRED)
    if not isinstance(name, str | None) or "\0" in (name or ""):
        raise Refused(*NAME_INVALID)
    group_id = fields.get("group_id")
    return CreateConversation(
        type=kind, participant_ids=ids_of(ids), name=name, group_id=text_of(group_id) if group_id else None
    )


def created(result: ConversationCreated) -> Created:
    """Say what was made, or found."""
    message = "Conversation created successfully" if result.is_new else "Direct message conversation already exists"
    return Created(conversation_id=result.conversation_id, message=message)


def addition(conversation_id: str, body: object) -> AddParticipants:
    """Read who is to be let in.

    Raises:
        Refused: 400.

    """
    ids = fields_of(body).get("user_ids")
    if not isinstance(ids, list) or not ids:
        raise Refused(*USER_IDS_REQUIRED)
    return AddParticipants(conversation_id=conversation_id, user_ids=ids_of(ids))


def added(result: ParticipantsAdded) -> Added:
    """Say how many came in."""
    count = len(result.user_ids)
    if not count:
        return Added(message="All users are already participants")
    return Added(message=f"Successfully added {count} participant(s)", added_count=count)
