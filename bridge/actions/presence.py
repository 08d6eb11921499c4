"""Presence: who of a conversation is here, and what a client says of its own user."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from bridge.actions.authorise import require_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Faults, action
from bridge.errors import ACCESS_DENIED, MISSING_CONVERSATION_ID, UNAUTHORIZED, ActionError, ErrorCode, Fault
from bridge.models import PresenceStatus
from bridge.rows import Id, PresenceRow, presence_row

_LOAD = Faults(
    unauthenticated=UNAUTHORIZED,
    malformed=MISSING_CONVERSATION_ID,
    database=Fault(ErrorCode.DATABASE_ERROR, "Failed to load presence"),
    unexpected=Fault(ErrorCode.SERVER_ERROR, "Failed to load presence"),
)
_SET_FAILED = Fault(ErrorCode.SERVER_ERROR, "Failed to set presence")
_SET = Faults(
    unauthenticated=UNAUTHORIZED,
    malformed=Fault(ErrorCode.INVALID_DATA, "Status must be online, away or busy"),
    database=_SET_FAILED,
    unexpected=_SET_FAILED,
)


class LoadPresence(Struct, frozen=True, rename="camel"):
    """Request of load_presence."""

    conversation_id: Id


class PresenceLoaded(Struct, frozen=True, rename="camel"):
    """Result of load_presence."""

    conversation_id: Id
    users: list[PresenceRow]


class SetPresence(Struct, frozen=True):
    """Request of set_presence; offline is not for saying: whoever is here is here."""

    status: Literal["online", "away", "busy"]


class PresenceSet(Struct, frozen=True):
    """Result of set_presence."""

    status: Literal["online", "away", "busy"]


@action(
    "load_presence",
    LoadPresence,
    reply="presence_loaded",
    result=PresenceLoaded,
    faults=_LOAD,
    refusals=[ACCESS_DENIED],
)
async def load_presence(request: LoadPresence, caller: Caller, context: Context) -> Outcome:
    """List the active members of a conversation, each with status and last sign of life."""
    if not request.conversation_id:
        raise ActionError(MISSING_CONVERSATION_ID)
    conversation_id, _ = await require_member(request.conversation_id, caller, context)
    rows = await context.store.presence.in_conversation(conversation_id)
    users = [presence_row(context.presence.seen(user_id, row)) for user_id, row in rows.items()]
    return Outcome(result=PresenceLoaded(conversation_id, users))


@action("set_presence", SetPresence, reply="presence_set", result=PresenceSet, faults=_SET)
async def set_presence(request: SetPresence, caller: Caller, context: Context) -> Outcome:
    """Say how the user is, for all its connections until the last of them ends."""
    context.presence.choose(caller.identity.user_id, PresenceStatus(request.status))
    return Outcome(result=PresenceSet(request.status))
