"""After how long messages disappear: for everybody in a conversation, or for one participant.

Two settings under one old address (contract legacy-rest section 3.7): days in the conversation's own row, which any
active participant may change, and from DB-2 on seconds in the participant's row.
"""

from __future__ import annotations

from functools import partial
from typing import Annotated, Literal

from msgspec import Meta, Struct

from bridge.actions.authorise import require_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Faults, action
from bridge.actions.telling import looks
from bridge.errors import ACCESS_DENIED, AUTH_REQUIRED, CONVERSATION_ID_REQUIRED, ActionError, ErrorCode, Fault
from bridge.models import LARGEST_INTEGER, MOST_DAYS, OwnTimer
from bridge.people_rows import OwnTimerRow, own_timer_row
from bridge.rows import Id

ENABLED_INVALID = Fault(ErrorCode.INVALID_DATA, "disappearing_messages_enabled must be a boolean")
DAYS_INVALID = Fault(
    ErrorCode.INVALID_DATA, "disappearing_messages_duration_days must be a non-negative number when enabled"
)
START_INVALID = Fault(ErrorCode.INVALID_DATA, "start_on must be delivered or read")
SECONDS_INVALID = Fault(ErrorCode.INVALID_DATA, "disappear_seconds must be a non-negative number")
NO_OWN_TIMERS = Fault(ErrorCode.INVALID_DATA, "Participants have no timers of their own in this database")
READ_FAILED = Fault(ErrorCode.DATABASE_ERROR, "Failed to fetch conversation settings")
WRITE_FAILED = Fault(ErrorCode.DATABASE_ERROR, "Failed to update conversation settings")

_LOAD = Faults(unauthenticated=AUTH_REQUIRED, malformed=CONVERSATION_ID_REQUIRED, database=READ_FAILED)
_SET = Faults(
    unauthenticated=AUTH_REQUIRED,
    malformed=ENABLED_INVALID,
    database=WRITE_FAILED,
    fields={"durationDays": DAYS_INVALID},
)
_SET_OWN = Faults(
    unauthenticated=AUTH_REQUIRED,
    malformed=SECONDS_INVALID,
    database=WRITE_FAILED,
    fields={"startOn": START_INVALID},
)

Days = Annotated[int | None, Meta(description="Null where messages do not disappear by the conversation's setting.")]


class LoadConversationTimer(Struct, frozen=True, rename="camel"):
    """Request of load_conversation_timer."""

    conversation_id: Id


class ConversationTimerLoaded(Struct, frozen=True, rename="camel"):
    """Result of load_conversation_timer: the conversation's timer, and the caller's own."""

    conversation_id: Id
    enabled: bool
    duration_days: Days
    own: Annotated[OwnTimerRow | None, Meta(description="Null where participants have none in this database.")]


class SetConversationTimer(Struct, frozen=True, rename="camel"):
    """Request of set_conversation_timer."""

    conversation_id: Id
    enabled: bool
    duration_days: Annotated[
        int | None, Meta(description=f"Needed when enabled; 0 is never, and more than {MOST_DAYS} count as so many.")
    ] = None


class ConversationTimerSet(Struct, frozen=True, rename="camel"):
    """Result of set_conversation_timer."""

    conversation_id: Id
    enabled: bool
    duration_days: Days


class SetOwnTimer(Struct, frozen=True, rename="camel"):
    """Request of set_own_timer."""

    conversation_id: Id
    disappear_seconds: Annotated[int, Meta(description="0 is never.")]
    start_on: Annotated[Literal["delivered", "read"] | None, Meta(description="What starts the time.")] = None


class OwnTimerSet(Struct, frozen=True, rename="camel"):
    """Result of set_own_timer."""

    conversation_id: Id
    own: OwnTimerRow


@action(
    "load_conversation_timer",
    LoadConversationTimer,
    reply="conversation_timer_loaded",
    result=ConversationTimerLoaded,
    faults=_LOAD,
    refusals=[ACCESS_DENIED],
)
async def load_conversation_timer(request: LoadConversationTimer, caller: Caller, context: Context) -> Outcome:
    """Tell after how long messages of a conversation disappear, for everybody and for the caller."""
    conversation_id, _ = await require_member(request.conversation_id, caller, context)
    row = await context.store.traits.of(conversation_id)
    if row is None:
        raise ActionError(ACCESS_DENIED)  # deleted since its members were asked for
    own = await context.store.participants.timer(conversation_id, caller.identity)
    result = ConversationTimerLoaded(
        conversation_id,
        row.disappearing_messages_enabled,
        row.disappearing_messages_duration_days,
        own_timer_row(own) if own else None,
    )
    return Outcome(result=result)


@action(
    "set_conversation_timer",
    SetConversationTimer,
    reply="conversation_timer_set",
    result=ConversationTimerSet,
    faults=_SET,
    refusals=[DAYS_INVALID, ACCESS_DENIED],
)
async def set_conversation_timer(request: SetConversationTimer, caller: Caller, context: Context) -> Outcome:
    """Let new messages of a conversation disappear after so many days; any active participant may."""
    days = request.duration_days if request.enabled else None
    if days is not None:
        if days < 0:
            raise ActionError(DAYS_INVALID)
        days = min(days, MOST_DAYS)
    elif request.enabled:
        raise ActionError(DAYS_INVALID)
    conversation_id, _ = await require_member(request.conversation_id, caller, context)
    row = await context.store.traits.set_timer(conversation_id, days)
    if row is None:
        raise ActionError(WRITE_FAILED)  # a write that changed nothing is no success
    news = await looks(conversation_id, context)
    result = ConversationTimerSet(conversation_id, request.enabled, days)
    return Outcome(result=result, then=partial(context.lists.tell, news))


@action(
    "set_own_timer",
    SetOwnTimer,
    reply="own_timer_set",
    result=OwnTimerSet,
    faults=_SET_OWN,
    refusals=[NO_OWN_TIMERS, ACCESS_DENIED],
)
async def set_own_timer(request: SetOwnTimer, caller: Caller, context: Context) -> Outcome:
    """Choose after how many seconds messages of a conversation disappear for oneself."""
    if not 0 <= request.disappear_seconds <= LARGEST_INTEGER:
        raise ActionError(SECONDS_INVALID)
    conversation_id, _ = await require_member(request.conversation_id, caller, context)
    if not context.store.participants.has_timers:
        raise ActionError(NO_OWN_TIMERS)
    timer = OwnTimer(disappear_seconds=request.disappear_seconds, start_on=request.start_on)
    context.members.rewriting(conversation_id, caller.identity)  # before the write: its echo may overtake the answer
    if not await context.store.participants.set_timer(conversation_id, caller.identity, timer):
        raise ActionError(WRITE_FAILED)
    return Outcome(result=OwnTimerSet(conversation_id, own_timer_row(timer)))
