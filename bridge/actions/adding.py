"""Letting people into a conversation that there is (contract legacy-rest section 3.4, F8, F49)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Annotated

import structlog
from msgspec import Meta, Struct

from bridge.actions.announcing import announce
from bridge.actions.authorise import require_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.people_meant import ADD_FAILED, TOO_MANY, each_once, others_meant
from bridge.actions.registry import Faults, action
from bridge.actions.telling import coming, looks
from bridge.actions.undoing import undone_on_failure
from bridge.errors import ACCESS_DENIED, AUTH_REQUIRED, ActionError, ErrorCode, Fault, StoreError
from bridge.models import Conversation, ConversationId, Participant, User, UserId
from bridge.rows import Id

CONVERTED_NAME = "Group Chat"

IDS_REQUIRED = Fault(ErrorCode.INVALID_DATA, "user_ids is required and must be a non-empty array")
NOT_FOUND = Fault(ErrorCode.INVALID_DATA, "Conversation not found")
CONVERT_FAILED = Fault(ErrorCode.DATABASE_ERROR, "Failed to convert to group conversation")
_ADD = Faults(unauthenticated=AUTH_REQUIRED, malformed=IDS_REQUIRED, database=ADD_FAILED)

log = structlog.get_logger(__name__)


class AddParticipants(Struct, frozen=True, rename="camel"):
    """Request of add_participants."""

    conversation_id: Id
    user_ids: list[Id]


class ParticipantsAdded(Struct, frozen=True, rename="camel"):
    """Result of add_participants."""

    conversation_id: Id
    user_ids: Annotated[Sequence[Id], Meta(description="Who is in it now and was not before; perhaps nobody.")]


@action(
    "add_participants",
    AddParticipants,
    reply="participants_added",
    result=ParticipantsAdded,
    faults=_ADD,
    refusals=[TOO_MANY, ACCESS_DENIED, NOT_FOUND, CONVERT_FAILED],
)
async def add_participants(request: AddParticipants, caller: Caller, context: Context) -> Outcome:
    """Let people into a conversation; a direct one becomes a group, if anybody comes into it.

    Whoever had left is in it again, in the same role. A message of type system tells who was added.
    """
    ids = each_once(request.user_ids)
    if not ids:
        raise ActionError(IDS_REQUIRED)
    conversation_id, _ = await require_member(request.conversation_id, caller, context)
    conversation = await context.store.traits.of(conversation_id)
    if conversation is None:
        raise ActionError(NOT_FOUND)
    people = await others_meant(ids, caller, context, unreadable=_ADD.database)
    rows = await context.store.conversations.participants(conversation_id)
    new = _not_in_it(people, rows)
    if not new:
        return Outcome(result=ParticipantsAdded(conversation_id, []))
    await _let_in(conversation, new, rows, context)
    news = await coming(conversation_id, _roles(new, rows), context)
    if conversation.type == "direct":
        changed = await looks(conversation_id, context)
        news = replace(news, members=changed.members or news.members, lines=[*news.lines, *changed.lines])
    deliver = await announce(conversation_id, _announcement(new), caller, context)

    def then() -> None:
        try:
            context.lists.tell(news)
        finally:
            deliver()  # or its place in line is held for ever

    return Outcome(result=ParticipantsAdded(conversation_id, [user.id for user in new]), then=then)


def _not_in_it(people: Sequence[User], rows: Sequence[Participant]) -> list[User]:
    active: set[str] = {row.user_id for row in rows if row.left_at is None}
    return [
        user for user in people if active.isdisjoint({user.id, *([user.auth_user_id] if user.auth_user_id else [])})
    ]


def _roles(new: Sequence[User], rows: Sequence[Participant]) -> Mapping[UserId, str | None]:
    """Return the roles of those who came in: a former member has the one it had."""
    former = {row.user_id: row.role for row in rows}
    return {user.id: former.get(user.id, "member") for user in new}


def _announcement(new: Sequence[User]) -> str:
    names = ", ".join(user.display_name or user.username for user in new)
    return f"{names} {'was' if len(new) == 1 else 'were'} added to the conversation"


async def _let_in(
    conversation: Conversation, new: Sequence[User], rows: Sequence[Participant], context: Context
) -> None:
    """Do all of it or nothing."""
    async with AsyncExitStack() as steps:
        if conversation.type == "direct":
            undo = partial(_make_direct_again, conversation, rows, context)
            await steps.enter_async_context(undone_on_failure("add_participants", undo))
            await _make_group(conversation, context)
        undo = partial(_put_back, conversation.id, new, rows, context)
        await steps.enter_async_context(undone_on_failure("add_participants", undo))
        await context.store.conversations.admit(conversation.id, {user.id: "member" for user in new})
        if conversation.type != "room":
            # Again: somebody else's attempt may have converted it, failed and taken that back, all since we looked.
            await _make_group(conversation, context)


async def _make_group(conversation: Conversation, context: Context) -> None:
    try:
        made = await context.store.traits.make_group(conversation.id, conversation.name or CONVERTED_NAME)
    except StoreError as error:
        log.warning("add_participants.not_converted", cause=type(error).__name__, detail=str(error))
        raise ActionError(CONVERT_FAILED) from error
    if made is None:
        raise ActionError(NOT_FOUND)


async def _make_direct_again(conversation: Conversation, rows: Sequence[Participant], context: Context) -> None:
    """Take the conversion back, unless others have come in meanwhile: theirs depends on it."""
    await context.store.traits.make_direct(conversation.id, conversation.name)
    if await _active(conversation.id, context) - {row.user_id for row in rows if row.left_at is None}:
        await context.store.traits.make_group(conversation.id, conversation.name or CONVERTED_NAME)


async def _active(conversation_id: ConversationId, context: Context) -> set[UserId]:
    rows = await context.store.conversations.participants(conversation_id)
    return {row.user_id for row in rows if row.left_at is None}


async def _put_back(
    conversation_id: ConversationId, new: Sequence[User], rows: Sequence[Participant], context: Context
) -> None:
    left_at = {row.user_id: row.left_at for row in rows}
    for user in new:
        await context.store.conversations.put_back(conversation_id, user.id, left_at.get(user.id))
