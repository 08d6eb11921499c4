"""The JSON of the timers' old address, in both of its meanings (contract legacy-rest section 3.7). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.actions import timers
from bridge.actions.timers import ConversationTimerLoaded, ConversationTimerSet, SetConversationTimer, SetOwnTimer
from bridge.people_rows import OwnTimerRow
from compat.errors import Refusal, Refused
from compat.reading import Days, Whole, fields_of, invalid, whole

START_INVALID: Final = Refusal(400, "start_on must be delivered or read")


class OwnTimer(Struct, frozen=True, kw_only=True):
    """The caller's own timer."""

    disappear_seconds: int
    start_on: str | None
    enabled: bool


class Timer(Struct, frozen=True, kw_only=True):
    """Answer of GET /api/conversations/{conversation_id}/disappearing-messages.

    `success` and `settings` are there where participants have timers of their own: the later meaning of the address.
    """

    disappearing_messages_enabled: bool
    disappearing_messages_duration_days: int | None
    success: bool | UnsetType = UNSET
    settings: OwnTimer | UnsetType = UNSET


class TimerOn(Struct, frozen=True, kw_only=True):
    """Body of PUT /api/conversations/{conversation_id}/disappearing-messages: days for everybody; 0 is never."""

    disappearing_messages_enabled: Annotated[bool, Meta(extra_json_schema={"const": True})]
    disappearing_messages_duration_days: Days


class TimerOff(Struct, frozen=True, kw_only=True):
    """Body of the same: no timer for everybody, whatever is said of days."""

    disappearing_messages_enabled: Annotated[bool, Meta(extra_json_schema={"const": False})]


class OwnTimerChange(Struct, frozen=True, kw_only=True):
    """Body of the same: seconds for the caller, where participants have timers of their own; 0 is never."""

    disappear_seconds: Whole
    start_on: Literal["delivered", "read"] | None = None


class TimerChanged(Struct, frozen=True, kw_only=True):
    """Answer of PUT /api/conversations/{conversation_id}/disappearing-messages, in either meaning."""

    success: bool = True
    disappearing_messages_enabled: bool | UnsetType = UNSET
    disappearing_messages_duration_days: int | UnsetType | None = UNSET
    settings: OwnTimer | UnsetType = UNSET
    message: str | UnsetType = UNSET


def timer(result: ConversationTimerLoaded) -> Timer:
    """Show the timers in both meanings, where there are both."""
    return Timer(
        disappearing_messages_enabled=result.enabled,
        disappearing_messages_duration_days=result.duration_days,
        success=UNSET if result.own is None else True,
        settings=UNSET if result.own is None else _own_timer(result.own),
    )


def timer_change(conversation_id: str, body: object, *, has_own_timers: bool) -> SetConversationTimer | SetOwnTimer:
    """Read what is to be set; the keys tell which meaning is meant, the earlier one if there is no other.

    Raises:
        Refused: 400.

    """
    fields = fields_of(body)
    if (
        has_own_timers
        and "disappearing_messages_enabled" not in fields
        and fields.keys() & {"disappear_seconds", "start_on"}
    ):
        return _own_timer_change(conversation_id, fields)
    enabled = fields.get("disappearing_messages_enabled")
    if not isinstance(enabled, bool):
        raise invalid(timers.ENABLED_INVALID)
    days = whole(fields.get("disappearing_messages_duration_days"))
    return SetConversationTimer(conversation_id=conversation_id, enabled=enabled, duration_days=days)


def timer_changed(result: ConversationTimerSet) -> TimerChanged:
    """Show what was set for everybody."""
    return TimerChanged(
        disappearing_messages_enabled=result.enabled, disappearing_messages_duration_days=result.duration_days
    )


def own_timer_changed(own: OwnTimerRow) -> TimerChanged:
    """Show what was set for the caller."""
    return TimerChanged(settings=_own_timer(own), message="Disappearing messages settings updated successfully")


def _own_timer_change(conversation_id: str, fields: Mapping[str, object]) -> SetOwnTimer:
    seconds, start_on = whole(fields.get("disappear_seconds")), fields.get("start_on")
    if seconds is None:
        raise invalid(timers.SECONDS_INVALID)
    if start_on not in ("delivered", "read", None):
        raise Refused(*START_INVALID)
    return SetOwnTimer(conversation_id=conversation_id, disappear_seconds=seconds, start_on=start_on)


def _own_timer(row: OwnTimerRow) -> OwnTimer:
    return OwnTimer(disappear_seconds=row.disappear_seconds, start_on=row.start_on, enabled=row.enabled)
