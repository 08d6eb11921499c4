"""GET /api/conversations/{id}/disappearing-messages beside load_conversation_timer (contract legacy-rest section 3.7).

The address has two meanings, by the generation of the app; compared is what the old answer has of either.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from bridge.comparison.answers import Answer
from bridge.comparison.old_way import OldWayFailed
from migration.parity.definition import Comparison, Sides
from migration.parity.old_server import OTHER_KEYS
from migration.parity.reading import told

PATH: Final = "/api/conversations/{}/disappearing-messages"
ENABLED: Final = "disappearing_messages_enabled"
DAYS: Final = "disappearing_messages_duration_days"
OWN: Final = "settings."


class _OldOwn(Struct, frozen=True):
    disappear_seconds: object
    start_on: object
    enabled: object


class _OldTimer(Struct, frozen=True):
    disappearing_messages_enabled: object = UNSET
    disappearing_messages_duration_days: object = UNSET
    settings: _OldOwn | UnsetType = UNSET


class _NewOwn(Struct, frozen=True, rename="camel"):
    disappear_seconds: int
    start_on: str | None
    enabled: bool


class _NewTimer(Struct, frozen=True, rename="camel"):
    enabled: bool
    duration_days: int | None
    own: _NewOwn | None


async def _old(sides: Sides, subject: str) -> Answer:
    found = await sides.endpoints.by_bearer(PATH.format(subject), _OldTimer)
    days = {ENABLED: found.disappearing_messages_enabled, DAYS: found.disappearing_messages_duration_days}
    shown = {name: value for name, value in days.items() if value is not UNSET}
    if not isinstance(found.settings, UnsetType):
        shown |= _prefixed(found.settings)
    if not shown:
        raise OldWayFailed(OTHER_KEYS)
    return Answer(rows={subject: shown})


async def _new(sides: Sides, subject: str) -> Answer:
    found = await told(sides.candidate, "load_conversation_timer", {"conversationId": subject}, _NewTimer)
    shown: dict[str, object] = {ENABLED: found.enabled, DAYS: found.duration_days}
    if found.own is not None:
        shown |= _prefixed(found.own)
    return Answer(rows={subject: shown})


def _prefixed(own: _OldOwn | _NewOwn) -> dict[str, object]:
    return {f"{OWN}{name}": value for name, value in msgspec.structs.asdict(own).items()}


COMPARISON: Final = Comparison(
    name="load_conversation_timer",
    control=f"`GET {PATH.format('{id}')}` with the bearer token, in either meaning of the address",
    old=_old,
    new=_new,
    is_about_a_conversation=True,
    declared=(),
)
