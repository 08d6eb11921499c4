"""/api/chat/conversations: the list, and making a conversation (contract legacy-rest sections 3.1 and 3.2)."""

from __future__ import annotations

from bridge.actions.context import Context
from bridge.actions.conversations import ConversationsLoaded, LoadConversations, load_conversations
from bridge.actions.creating import NAME_TOO_LONG, NOBODY_ELSE, NOT_TWO, ConversationCreated, create_conversation
from bridge.actions.people_meant import ADD_FAILED, TOO_MANY
from bridge.errors import USER_NOT_FOUND
from compat import conversation_shapes as shapes
from compat.endpoint import Asked, endpoint, perform
from compat.errors import Refusal, Refused, Wording
from compat.session import COOKIE

PATH = "/api/chat/conversations"

_CREATE_FAILED = Refusal(500, "Failed to create conversation")
_NOT_VALIDATED = Refusal(500, "Failed to validate participants")
_NOBODY = Refusal(400, "Some participants do not exist")
_NO_USER = Refusal(403, USER_NOT_FOUND.text)

LIST = Wording(failed="Failed to load conversations")
CREATE = Wording(
    failed=_CREATE_FAILED.text,
    denied=_CREATE_FAILED,  # an unknown group_id and a foreign one alike
    not_looked_up=_NOT_VALIDATED,
    nobody_meant=_NOBODY,
    mistakes=[_NOT_VALIDATED.text, _CREATE_FAILED.text],
)


@endpoint(f"GET {PATH}", COOKIE, wording=LIST, result=ConversationsLoaded)
async def list_conversations(asked: Asked, context: Context) -> ConversationsLoaded:
    """List the caller's conversations, the latest activity first; none for somebody without users row."""
    if asked.caller is None:
        return ConversationsLoaded([])
    return await perform(load_conversations, LoadConversations(), asked.caller, context, ConversationsLoaded)


@endpoint(
    f"POST {PATH}",
    COOKIE,
    wording=CREATE,
    bodies=[shapes.Creation],
    result=shapes.Created,
    refusals=[
        shapes.TYPE_INVALID,
        shapes.PARTICIPANTS_REQUIRED,
        shapes.NAME_INVALID,
        Refusal(400, TOO_MANY.text),
        Refusal(400, NAME_TOO_LONG.text),
        _NO_USER,
        Refusal(400, NOBODY_ELSE.text),
        Refusal(400, NOT_TWO.text),
        Refusal(500, ADD_FAILED.text),
    ],
)
async def make_conversation(asked: Asked, context: Context) -> shapes.Created:
    """Make a conversation with the caller in it, or find the direct one that there is.

    Somebody without users row makes nothing. A direct conversation has exactly one other person in it.
    """
    request = shapes.creation(asked.body)
    if asked.caller is None:
        raise Refused(*_NO_USER)
    return shapes.created(await perform(create_conversation, request, asked.caller, context, ConversationCreated))
