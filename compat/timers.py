"""/api/conversations/{id}/disappearing-messages: one address with two meanings (contract legacy-rest section 3.7)."""

from __future__ import annotations

from bridge.actions.context import Context
from bridge.actions.timers import (
    DAYS_INVALID,
    ENABLED_INVALID,
    READ_FAILED,
    SECONDS_INVALID,
    WRITE_FAILED,
    ConversationTimerLoaded,
    ConversationTimerSet,
    LoadConversationTimer,
    OwnTimerSet,
    SetOwnTimer,
    load_conversation_timer,
    set_conversation_timer,
    set_own_timer,
)
from compat import timer_shapes as shapes
from compat.endpoint import Asked, endpoint, perform
from compat.errors import Refusal, Refused, Wording
from compat.session import BEARER

PATH = "/api/conversations/{conversation_id}/disappearing-messages"

_DENIED = Refusal(403, "Access denied to this conversation")

READ = Wording(failed=READ_FAILED.text, denied=_DENIED)
WRITE = Wording(failed=WRITE_FAILED.text, denied=_DENIED)


@endpoint(f"GET {PATH}", BEARER, wording=READ, result=shapes.Timer)
async def read_timer(asked: Asked, context: Context) -> shapes.Timer:
    """Tell after how many days messages disappear, and after how many seconds for the caller where that can be set."""
    if asked.caller is None:
        raise Refused(*_DENIED)
    request = LoadConversationTimer(asked.conversation_id)
    loaded = await perform(load_conversation_timer, request, asked.caller, context, ConversationTimerLoaded)
    return shapes.timer(loaded)


@endpoint(
    f"PUT {PATH}",
    BEARER,
    wording=WRITE,
    bodies=[shapes.TimerOn, shapes.TimerOff, shapes.OwnTimerChange],
    result=shapes.TimerChanged,
    refusals=[
        *(Refusal(400, fault.text) for fault in (ENABLED_INVALID, DAYS_INVALID, SECONDS_INVALID)),
        shapes.START_INVALID,
    ],
)
async def write_timer(asked: Asked, context: Context) -> shapes.TimerChanged:
    """Set the days for everybody, or, where participants have timers of their own, the seconds for the caller.

    The keys of the body tell which.
    """
    has_own_timers = context.store.participants.has_timers
    request = shapes.timer_change(asked.conversation_id, asked.body, has_own_timers=has_own_timers)
    if asked.caller is None:
        raise Refused(*_DENIED)
    if isinstance(request, SetOwnTimer):
        own = await perform(set_own_timer, request, asked.caller, context, OwnTimerSet)
        return shapes.own_timer_changed(own.own)
    return shapes.timer_changed(
        await perform(set_conversation_timer, request, asked.caller, context, ConversationTimerSet)
    )
