"""Groups: made with a first room, joined by invite code, listed; without the app's own functions (contract F41)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Annotated

import structlog
from msgspec import Meta, Struct, field

from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Faults, action
from bridge.actions.telling import coming
from bridge.actions.undoing import undone_on_failure
from bridge.errors import AUTH_REQUIRED, INVALID_MESSAGE, ActionError, ErrorCode, Fault, StoreRefused
from bridge.ids import new_conversation_id, new_group_id, new_invite_code
from bridge.lists import News
from bridge.models import (
    MAX_DESCRIPTION_CHARACTERS,
    MAX_NAME_CHARACTERS,
    Conversation,
    ConversationId,
    Group,
    GroupId,
    GroupMembership,
    GroupSummary,
    NewConversation,
    NewGroup,
    Participant,
    UserId,
)
from bridge.rows import GroupRow, Id, MadeConversationRow, group_row, made_conversation_row

FIRST_ROOM = "general"
MAX_CODE_CHARACTERS = 100
"""A longer text is no code of any group's; the question that it makes has to fit into an address."""
ATTEMPTS_TO_FIND_A_FREE_CODE = 5

_UNIQUE_VIOLATION = "23505"
_NAME_REQUIRED = Fault(ErrorCode.INVALID_DATA, "Group name required")
_NAME_TOO_LONG = Fault(ErrorCode.INVALID_DATA, f"Group name must be {MAX_NAME_CHARACTERS} characters or less")
_DESCRIPTION_TOO_LONG = Fault(
    ErrorCode.INVALID_DATA, f"Group description must be {MAX_DESCRIPTION_CHARACTERS} characters or less"
)
_CODE_REQUIRED = Fault(ErrorCode.INVALID_DATA, "Invite code required")
_CODE_INVALID = Fault(ErrorCode.INVALID_DATA, "Invalid invite code")
_JOINED = "Successfully joined group"
_ALREADY_IN = "Already a member of this group"

_CREATE = Faults(
    unauthenticated=AUTH_REQUIRED,
    malformed=_NAME_REQUIRED,
    database=Fault(ErrorCode.DATABASE_ERROR, "Failed to create group"),
)
_JOIN = Faults(
    unauthenticated=AUTH_REQUIRED,
    malformed=_CODE_REQUIRED,
    database=Fault(ErrorCode.DATABASE_ERROR, "Failed to join group"),
)
_LOAD = Faults(
    unauthenticated=AUTH_REQUIRED,
    malformed=INVALID_MESSAGE,
    database=Fault(ErrorCode.DATABASE_ERROR, "Failed to load groups"),
)

log = structlog.get_logger(__name__)


class CreateGroup(Struct, frozen=True):
    """Request of create_group; `isPublic` as the wire spells, or `is_public` as the table does."""

    name: Annotated[str, Meta(description=f"At most {MAX_NAME_CHARACTERS} characters.")]
    description: Annotated[str | None, Meta(description=f"At most {MAX_DESCRIPTION_CHARACTERS} characters.")] = None
    is_public: bool | None = None
    is_public_on_the_wire: bool | None = field(default=None, name="isPublic")


class GroupCreated(Struct, frozen=True):
    """Result of create_group: the columns of the app's function, the group as load_groups shows it, and its room."""

    group_id: Id
    room_id: Id
    invite_code: str
    group: GroupRow
    room: MadeConversationRow


class JoinGroup(Struct, frozen=True):
    """Request of join_group; `inviteCode` as the wire spells, or `invite_code` as the table does."""

    code_on_the_wire: str | None = field(default=None, name="inviteCode")
    invite_code: str | None = None


class GroupJoined(Struct, frozen=True):
    """Result of join_group: the columns of the app's function, the group's name, the rooms that one came into."""

    success: bool
    group_id: Id
    message: str
    group_name: str
    room_ids: Sequence[Id]


class LoadGroups(Struct, frozen=True):
    """Request of load_groups."""


class GroupsLoaded(Struct, frozen=True):
    """Result of load_groups."""

    groups: list[GroupRow]


@action(
    "create_group",
    CreateGroup,
    reply="group_created",
    result=GroupCreated,
    faults=_CREATE,
    refusals=[_NAME_TOO_LONG, _DESCRIPTION_TOO_LONG],
)
async def create_group(request: CreateGroup, caller: Caller, context: Context) -> Outcome:
    """Make a group with a first room, the caller as its owner and the room's admin."""
    if not request.name.strip():
        raise ActionError(_NAME_REQUIRED)
    if len(request.name) > MAX_NAME_CHARACTERS:
        raise ActionError(_NAME_TOO_LONG)
    if len(request.description or "") > MAX_DESCRIPTION_CHARACTERS:
        raise ActionError(_DESCRIPTION_TOO_LONG)
    me, now = caller.identity.user_id, context.clock.now()
    group_id = new_group_id(now)
    room = NewConversation(
        id=new_conversation_id(now),
        type="room",
        name=FIRST_ROOM,
        created_by=me,
        created_at=now,
        group_id=group_id,
        is_private=False,
    )
    context.lists.conversation_made(room.id)
    # Members, room and its participants go with the group (foreign keys), so one undoing is enough.
    async with undone_on_failure("create_group", partial(context.store.groups.delete, group_id)):
        group = await _insert(group_id, request, me, context)
        await context.store.groups.admit(group_id, {me: "owner"})
        made = await context.store.conversations.insert(room)
        await context.store.conversations.admit(room.id, {me: "admin"})
    news = await coming(room.id, {me: "admin"}, context)
    return Outcome(result=_created(group, made), then=partial(context.lists.tell, news))


@action("join_group", JoinGroup, reply="group_joined", result=GroupJoined, faults=_JOIN, refusals=[_CODE_INVALID])
async def join_group(request: JoinGroup, caller: Caller, context: Context) -> Outcome:
    """Come into a group and its open rooms; whoever is in it already comes into the rooms that are missing."""
    code = (request.code_on_the_wire or request.invite_code or "").strip().upper()
    if not code:
        raise ActionError(_CODE_REQUIRED)
    if len(code) > MAX_CODE_CHARACTERS:
        raise ActionError(_CODE_INVALID)
    group = await context.store.groups.by_invite_code(code)
    if group is None:
        raise ActionError(_CODE_INVALID)
    me = caller.identity.user_id
    memberships = await context.store.groups.memberships(group.id, caller.identity)
    is_member = any(row.left_at is None for row in memberships)
    seats = await context.store.groups.seats(group.id, caller.identity)
    rooms = _rooms_to_enter(await context.store.groups.rooms(group.id), seats)
    try:
        async with AsyncExitStack() as steps:
            if not is_member:
                await _enter_group(group.id, memberships, caller, context, steps)
            for room_id in rooms:
                await _enter_room(room_id, seats, caller, context, steps)
    finally:
        for room_id in rooms:
            context.members.forget(room_id)
    message = _ALREADY_IN if is_member else _JOINED
    news = [await coming(room_id, {me: _role_in(room_id, seats, me)}, context) for room_id in rooms]
    result = GroupJoined(True, group.id, message, group.name, rooms)
    return Outcome(result=result, then=partial(_tell_all, news, context))


@action("load_groups", LoadGroups, reply="groups_loaded", result=GroupsLoaded, faults=_LOAD)
async def load_groups(request: LoadGroups, caller: Caller, context: Context) -> Outcome:
    """List the groups that the caller is in, latest activity first."""
    summaries = await context.store.groups.summaries(caller.identity)
    return Outcome(result=GroupsLoaded([group_row(summary) for summary in summaries]))


async def _insert(group_id: GroupId, request: CreateGroup, me: UserId, context: Context) -> Group:
    """Write the group's row, with another code if one is taken."""
    is_public = request.is_public_on_the_wire if request.is_public_on_the_wire is not None else request.is_public
    attempts_left = ATTEMPTS_TO_FIND_A_FREE_CODE
    while True:
        attempts_left -= 1
        new = NewGroup(
            id=group_id,
            name=request.name,
            description=request.description or None,
            is_public=bool(is_public),
            invite_code=new_invite_code(),
            created_by=me,
            created_at=context.clock.now(),
        )
        try:
            return await context.store.groups.insert(new)
        except StoreRefused as refused:
            if refused.sqlstate != _UNIQUE_VIOLATION or attempts_left == 0:
                raise
            log.info("create_group.code_taken", attempts_left=attempts_left)


def _created(group: Group, room: Conversation) -> GroupCreated:
    line = GroupSummary(
        id=group.id,
        name=group.name,
        description=group.description,
        avatar_url=group.avatar_url,
        role="owner",
        room_count=1,
        member_count=1,
        latest_activity=group.created_at,
    )
    code = group.invite_code or ""
    return GroupCreated(group.id, room.id, code, group_row(line), made_conversation_row(room))


def _rooms_to_enter(rooms: Sequence[Conversation], seats: Sequence[Participant]) -> list[ConversationId]:
    """Return the rooms open to every member in which this one is not; a room that does not say so is not open."""
    taken = {seat.conversation_id for seat in seats if seat.left_at is None}
    return [room.id for room in rooms if room.type == "room" and room.is_private is False and room.id not in taken]


def _role_in(room_id: ConversationId, seats: Sequence[Participant], me: UserId) -> str | None:
    """Return the role of somebody who has just entered: a former member has the one it had."""
    return next((seat.role for seat in seats if (seat.conversation_id, seat.user_id) == (room_id, me)), "member")


def _tell_all(news: Sequence[News], context: Context) -> None:
    for one in news:
        context.lists.tell(one)


async def _enter_group(
    group_id: GroupId, rows: Sequence[GroupMembership], caller: Caller, context: Context, steps: AsyncExitStack
) -> None:
    me, groups = caller.identity.user_id, context.store.groups
    left_at = next((row.left_at for row in rows if row.user_id == me), None)
    undo = partial(groups.put_back, group_id, me, left_at)
    await steps.enter_async_context(undone_on_failure("join_group", undo))
    await groups.admit(group_id, {me: "member"})


async def _enter_room(
    room_id: ConversationId, seats: Sequence[Participant], caller: Caller, context: Context, steps: AsyncExitStack
) -> None:
    me, conversations = caller.identity.user_id, context.store.conversations
    left_at = next((seat.left_at for seat in seats if (seat.conversation_id, seat.user_id) == (room_id, me)), None)
    undo = partial(conversations.put_back, room_id, me, left_at)
    await steps.enter_async_context(undone_on_failure("join_group", undo))
    await conversations.admit(room_id, {me: "member"})
