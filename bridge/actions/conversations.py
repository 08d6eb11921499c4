"""Conversations: the list, and which of them a client has open."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bridge.actions.authorise import require_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Faults, action
from bridge.capabilities import Capability
from bridge.errors import ACCESS_DENIED, AUTH_REQUIRED, CONVERSATION_ID_REQUIRED, ActionError, ErrorCode, Fault
from bridge.ids import canonical_uuid
from bridge.models import ConversationId
from bridge.rows import ConversationRow, Id, conversation_row

_LIST_FAILED = Fault(ErrorCode.DATABASE_ERROR, "Failed to load conversations")
_LIST = Faults(unauthenticated=AUTH_REQUIRED, malformed=CONVERSATION_ID_REQUIRED, database=_LIST_FAILED)
# The original answered ACCESS_DENIED when the database failed; a client may then believe it was thrown out.
_ROOM = Faults(
    unauthenticated=AUTH_REQUIRED,
    malformed=CONVERSATION_ID_REQUIRED,
    database=Fault(ErrorCode.SERVER_ERROR, "Internal server error"),
)


class LoadConversations(Struct, frozen=True):
    """Request of load_conversations."""


class ConversationsLoaded(Struct, frozen=True):
    """Result of load_conversations: the latest activity first."""

    conversations: list[ConversationRow]


class OneConversation(Struct, frozen=True, rename="camel"):
    """Request of join_conversation and leave_conversation."""

    conversation_id: Id


class ConversationNamed(Struct, frozen=True, rename="camel"):
    """Result of join_conversation and leave_conversation."""

    conversation_id: Annotated[str, Meta(description="As it was sent.")]


@action("load_conversations", LoadConversations, reply="conversations_loaded", result=ConversationsLoaded, faults=_LIST)
async def load_conversations(request: LoadConversations, caller: Caller, context: Context) -> Outcome:
    """List the caller's conversations, newest activity first."""
    summaries = await context.store.conversations.summaries(caller.identity, context.clock.now())
    if Capability.CONVERSATIONS in caller.capabilities:
        for summary in summaries:
            context.lists.listed(caller.identity, summary)
    return Outcome(result=ConversationsLoaded([conversation_row(summary) for summary in summaries]))


@action(
    "join_conversation",
    OneConversation,
    reply="conversation_joined",
    result=ConversationNamed,
    faults=_ROOM,
    refusals=[ACCESS_DENIED],
)
async def join_conversation(request: OneConversation, caller: Caller, context: Context) -> Outcome:
    """Open a conversation on this client, which is told of typing in the one joined last; repeating is fine.

    Messages arrive whether joined or not (decision 3).
    """
    _require_id(request)
    conversation_id, _ = await require_member(request.conversation_id, caller, context)
    caller.rooms.join(conversation_id)
    return Outcome(result=ConversationNamed(request.conversation_id))


@action("leave_conversation", OneConversation, reply="conversation_left", result=ConversationNamed, faults=_ROOM)
async def leave_conversation(request: OneConversation, caller: Caller, context: Context) -> Outcome:
    """Close a conversation on this client; membership is untouched and not looked at."""
    _require_id(request)
    conversation_id = ConversationId(canonical_uuid(request.conversation_id) or request.conversation_id)
    caller.rooms.leave(conversation_id)
    context.typing.end(conversation_id, caller.identity.user_id)
    return Outcome(result=ConversationNamed(request.conversation_id))


def _require_id(request: OneConversation) -> None:
    if not request.conversation_id:
        raise ActionError(CONVERSATION_ID_REQUIRED)
