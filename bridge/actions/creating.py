"""Making conversations: direct ones found or made, the others always made (contract F2, F3, F5, F20, F49)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Annotated, NamedTuple

import structlog
from msgspec import Meta, Struct, field

from bridge.actions.authorise import require_group_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.people_meant import ADD_FAILED, TOO_MANY, each_once, others_meant
from bridge.actions.registry import Faults, action
from bridge.actions.telling import coming
from bridge.actions.undoing import undone_on_failure
from bridge.errors import ACCESS_DENIED, AUTH_REQUIRED, ActionError, ErrorCode, Fault, StoreError
from bridge.ids import direct_conversation_id, new_conversation_id
from bridge.models import MAX_NAME_CHARACTERS, Conversation, ConversationId, NewConversation, User, UserId
from bridge.rows import Id, MadeConversationRow, made_conversation_row

Roles = Mapping[UserId, str]

TYPES = frozenset({"direct", "group", "room"})

_IDS_REQUIRED = Fault(ErrorCode.INVALID_DATA, "Participant IDs required")
_NAME_INVALID = Fault(ErrorCode.INVALID_DATA, "Name must be a text")
NAME_TOO_LONG = Fault(ErrorCode.INVALID_DATA, f"Name must be {MAX_NAME_CHARACTERS} characters or less")
_IS_GROUP_INVALID = Fault(ErrorCode.INVALID_DATA, "isGroup must be a boolean")
_TYPE_INVALID = Fault(ErrorCode.INVALID_DATA, "Invalid conversation type")
NOBODY_ELSE = Fault(ErrorCode.INVALID_DATA, "A direct conversation needs another person")
NOT_TWO = Fault(ErrorCode.INVALID_DATA, "A direct conversation has exactly two people")

_CREATE = Faults(
    unauthenticated=AUTH_REQUIRED,
    malformed=_IDS_REQUIRED,
    database=Fault(ErrorCode.DATABASE_ERROR, "Failed to create conversation"),
    fields={"name": _NAME_INVALID, "isGroup": _IS_GROUP_INVALID, "type": _TYPE_INVALID},
)

log = structlog.get_logger(__name__)


class CreateConversation(Struct, frozen=True, kw_only=True):
    """Request of create_conversation, in the original's shape or in that of the clients' documentation (F20)."""

    original_ids: Annotated[list[Id] | None, Meta(description="The others, in the original's shape.")] = field(
        default=None, name="participantIds"
    )
    is_group: Annotated[bool | None, Meta(description="Not a direct conversation even with one other person.")] = field(
        default=None, name="isGroup"
    )
    participant_ids: Annotated[list[Id] | None, Meta(description="The others, in the shape that names the type.")] = (
        None
    )
    type: Annotated[str | None, Meta(description="`direct`, `group` or `room`.")] = None
    group_id: Annotated[Id | None, Meta(description="The group that a room belongs to.")] = None
    name: Annotated[
        str | None, Meta(description=f"At most {MAX_NAME_CHARACTERS} characters; direct conversations have none.")
    ] = None


class _Made(NamedTuple):
    """A conversation that was made or found, and who came into it just now."""

    conversation: Conversation
    roles: Roles
    is_new: bool


class ConversationCreated(Struct, frozen=True):
    """Result of create_conversation; the original had only the row, clients read `id` (F20)."""

    conversation: MadeConversationRow
    id: Id
    conversation_id: Id
    is_new: Annotated[bool, Meta(description="False for a direct conversation that there was already.")]


@action(
    "create_conversation",
    CreateConversation,
    reply="conversation_created",
    result=ConversationCreated,
    faults=_CREATE,
    refusals=[_TYPE_INVALID, TOO_MANY, NAME_TOO_LONG, ADD_FAILED, NOBODY_ELSE, NOT_TWO, ACCESS_DENIED],
)
async def create_conversation(request: CreateConversation, caller: Caller, context: Context) -> Outcome:
    """Make a conversation with the caller in it, or find the direct one that there is."""
    ids = _participant_ids(request)
    if request.name is not None and len(request.name) > MAX_NAME_CHARACTERS:
        raise ActionError(NAME_TOO_LONG)
    others = await others_meant(ids, caller, context, unreadable=_CREATE.database)
    kind = request.type or _kind_of_original(request, ids, others)
    if kind == "direct":
        _require_two(others)
        made = await _find_or_create_direct(caller, others[0], context)
    else:
        made = _Made(await _create(request, kind, caller, others, context), _roles(caller, others), is_new=True)
    row = made.conversation
    news = await coming(row.id, made.roles, context)
    caller.rooms.join(row.id)
    result = ConversationCreated(made_conversation_row(row), row.id, row.id, made.is_new)
    return Outcome(result=result, then=partial(context.lists.tell, news))


def _participant_ids(request: CreateConversation) -> Collection[str]:
    """Return the ids, each once; only the original's shape may have none of them, or no type."""
    is_original = request.original_ids is not None
    ids = request.original_ids if request.original_ids is not None else request.participant_ids
    if ids is None:
        raise ActionError(_IDS_REQUIRED)
    if request.type not in TYPES and not (request.type is None and is_original):
        raise ActionError(_TYPE_INVALID)
    if not ids and not is_original:
        raise ActionError(_IDS_REQUIRED)
    return each_once(ids)


def _kind_of_original(request: CreateConversation, ids: Collection[str], others: Sequence[User]) -> str:
    """Return what the original made of it; a list with oneself alone asks for a direct conversation, with nobody."""
    return "room" if request.is_group or len(others) > 1 or not ids else "direct"


def _require_two(others: Sequence[User]) -> None:
    if not others:
        raise ActionError(NOBODY_ELSE)
    if len(others) > 1:
        raise ActionError(NOT_TWO)


async def _create(
    request: CreateConversation, kind: str, caller: Caller, others: Sequence[User], context: Context
) -> Conversation:
    """Make a group or room."""
    me = caller.identity.user_id
    group_id = await require_group_member(request.group_id, caller, context) if request.group_id else None
    now = context.clock.now()
    new = NewConversation(
        id=new_conversation_id(now),
        type=kind,
        name=request.name or None,
        created_by=me,
        created_at=now,
        group_id=group_id,
        is_private=request.type is None and not request.is_group,
    )
    context.lists.conversation_made(new.id)
    async with undone_on_failure("create_conversation", partial(context.store.conversations.withdraw, new)):
        made = await context.store.conversations.insert(new)
        await _admit(new.id, _roles(caller, others), context)
    return made


async def _find_or_create_direct(caller: Caller, other: User, context: Context) -> _Made:
    """Return the direct conversation of two people.

    Its id follows from the pair, so that two requests at once, in two processes even, write the same row (F2); what a
    crash has left half done is completed.
    """
    theirs = {other.id, *([other.auth_user_id] if other.auth_user_id else [])}
    existing = await context.store.conversations.directs_between(caller.identity.ids, theirs)
    if existing:
        return _Made(existing[0], {}, is_new=False)
    repaired = await _repair_direct(caller, other, theirs, context)
    if repaired is not None:
        return repaired
    generation = 0
    while (made := await _direct_of_generation(generation, caller, other, context)) is None:
        generation += 1
    return made


async def _repair_direct(caller: Caller, other: User, theirs: Collection[str], context: Context) -> _Made | None:
    """Let both into the oldest conversation that is theirs though one is missing (contract legacy-rest section 3.2).

    Whoever made it is its admin. Where nobody is said to have made it, it stays so: who belongs there can be certain
    where the maker is not.
    """
    me, conversations = caller.identity.user_id, context.store.conversations
    found = await conversations.damaged_directs_between(caller.identity.ids, theirs)
    # Again: after we had found none, and before we looked for damage, another request may have repaired the oldest.
    existing = await conversations.directs_between(caller.identity.ids, theirs)
    if existing:
        return _Made(existing[0], {}, is_new=False)
    if not found:
        return None
    there = {row.user_id for row in await conversations.participants(found[0].id)}
    if not there <= {*caller.identity.ids, *theirs}:
        return None
    roles = {one: "admin" if one == found[0].created_by else "member" for one in (me, other.id)}
    await _admit(found[0].id, roles, context)
    log.info("create_conversation.repaired", conversation_id=found[0].id)
    came = {one: role for one, role in roles.items() if one not in there}
    return _Made(found[0], came, is_new=False)


async def _direct_of_generation(generation: int, caller: Caller, other: User, context: Context) -> _Made | None:
    """Return the pair's conversation with this id, or None if that has become something else."""
    me = caller.identity.user_id
    new = NewConversation(
        id=direct_conversation_id(me, other.id, generation),
        type="direct",
        name=None,
        created_by=me,
        created_at=context.clock.now(),
        group_id=None,
        is_private=True,
    )
    conversations = context.store.conversations
    context.lists.conversation_made(new.id)
    # Withdrawing takes back only what this very attempt inserted and nobody has touched: the other person may be doing
    # the same at this moment, and has an answer already.
    async with undone_on_failure("create_conversation", partial(conversations.withdraw, new)):
        made = await conversations.insert(new)
        if made.type != "direct":
            return None
        rows = await conversations.participants(new.id)
        if {row.user_id for row in rows if row.left_at is None} - {me, other.id}:
            return None
        await _admit(new.id, _roles(caller, [other]), context)
    is_new = (made.created_by, made.created_at) == (new.created_by, new.created_at)
    return _Made(made, _roles(caller, [other]), is_new=is_new)


def _roles(caller: Caller, others: Sequence[User]) -> Roles:
    return {caller.identity.user_id: "admin"} | {user.id: "member" for user in others}


async def _admit(conversation_id: ConversationId, roles: Roles, context: Context) -> None:
    try:
        await context.store.conversations.admit(conversation_id, roles)
    except StoreError as error:
        log.warning("create_conversation.not_admitted", cause=type(error).__name__, detail=str(error))
        raise ActionError(ADD_FAILED) from error
