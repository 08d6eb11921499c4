"""Typing: told to whoever has the conversation open, before the typist's own answer (contract ws-protocol 9)."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bridge.actions.authorise import require_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Faults, action
from bridge.errors import ACCESS_DENIED, MISSING_CONVERSATION_ID, UNAUTHORIZED, ActionError, ErrorCode, Fault
from bridge.rows import Id


class Typing(Struct, frozen=True, rename="camel"):
    """Request of typing_start and typing_stop."""

    conversation_id: Id


class TypingNoted(Struct, frozen=True, rename="camel"):
    """Result of typing_start and typing_stop; the reply's type is the request's (contract F19)."""

    conversation_id: Annotated[str, Meta(description="As it was sent.")]
    is_typing: bool


def _faults(what: str) -> Faults:
    failed = Fault(ErrorCode.SERVER_ERROR, f"Failed to {what} typing indicator")
    return Faults(unauthenticated=UNAUTHORIZED, malformed=MISSING_CONVERSATION_ID, database=failed, unexpected=failed)


@action(
    "typing_start",
    Typing,
    reply="typing_start",
    result=TypingNoted,
    faults=_faults("start"),
    refusals=[ACCESS_DENIED],
)
async def typing_start(request: Typing, caller: Caller, context: Context) -> Outcome:
    """Say that the user types; to be repeated while it goes on, for it ends by itself after a silence."""
    if not request.conversation_id:
        raise ActionError(MISSING_CONVERSATION_ID)
    conversation_id, members = await require_member(request.conversation_id, caller, context)
    context.typing.begin(conversation_id, caller.profile, members)
    caller.rooms.typing.add(conversation_id)
    return Outcome(result=TypingNoted(request.conversation_id, is_typing=True))


@action(
    "typing_stop",
    Typing,
    reply="typing_stop",
    result=TypingNoted,
    faults=_faults("stop"),
    refusals=[ACCESS_DENIED],
)
async def typing_stop(request: Typing, caller: Caller, context: Context) -> Outcome:
    """Say that the user has paused."""
    if not request.conversation_id:
        raise ActionError(MISSING_CONVERSATION_ID)
    conversation_id, _ = await require_member(request.conversation_id, caller, context)
    caller.rooms.typing.discard(conversation_id)
    context.typing.end(conversation_id, caller.identity.user_id)
    return Outcome(result=TypingNoted(request.conversation_id, is_typing=False))
