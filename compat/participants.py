"""/api/chat/conversations/{id}/participants: who is in it, and letting people in (contract legacy-rest 3.3 and 3.4)."""

from __future__ import annotations

from bridge.actions.adding import CONVERT_FAILED, NOT_FOUND, ParticipantsAdded, add_participants
from bridge.actions.context import Context
from bridge.actions.participants import LoadParticipants, ParticipantsLoaded, load_participants
from bridge.actions.people_meant import ADD_FAILED, TOO_MANY
from compat import conversation_shapes as shapes
from compat.endpoint import Asked, endpoint, perform
from compat.errors import Refusal, Refused, Wording
from compat.session import COOKIE

PATH = "/api/chat/conversations/{conversation_id}/participants"

_NOT_IN_IT = Refusal(403, "You are not a participant in this conversation")
_NOT_FOUND = Refusal(404, NOT_FOUND.text)

LIST = Wording(failed="Failed to load participants", denied=_NOT_IN_IT)
ADD = Wording(
    failed=ADD_FAILED.text,
    denied=_NOT_IN_IT,
    renamed={NOT_FOUND.text: _NOT_FOUND},
    mistakes=[ADD_FAILED.text],  # an id that is nobody's
)


@endpoint(f"GET {PATH}", COOKIE, wording=LIST, result=shapes.Participants)
async def list_participants(asked: Asked, context: Context) -> shapes.Participants:
    """List the active participants, who joined first comes first; `users` is one person."""
    if asked.caller is None:
        raise Refused(*_NOT_IN_IT)
    request = LoadParticipants(asked.conversation_id)
    loaded = await perform(load_participants, request, asked.caller, context, ParticipantsLoaded)
    return shapes.Participants(participants=loaded.participants)


@endpoint(
    f"POST {PATH}",
    COOKIE,
    wording=ADD,
    bodies=[shapes.Addition],
    result=shapes.Added,
    refusals=[
        shapes.USER_IDS_REQUIRED,
        Refusal(400, TOO_MANY.text),
        _NOT_FOUND,
        Refusal(500, CONVERT_FAILED.text),
    ],
)
async def let_people_in(asked: Asked, context: Context) -> shapes.Added:
    """Let people in; a direct conversation becomes a group if somebody comes into it."""
    request = shapes.addition(asked.conversation_id, asked.body)
    if asked.caller is None:
        raise Refused(*_NOT_IN_IT)
    return shapes.added(await perform(add_participants, request, asked.caller, context, ParticipantsAdded))
