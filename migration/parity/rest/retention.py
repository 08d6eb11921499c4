"""GET /api/settings/disappearing-messages beside load_retention (contract legacy-rest section 3.8)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from bridge.comparison.answers import Answer
from migration.parity.definition import Comparison, Sides
from migration.parity.reading import told

PATH: Final = "/api/settings/disappearing-messages"
DAYS: Final = "default_message_retention_days"


class _Old(Struct, frozen=True):
    default_message_retention_days: object


class _New(Struct, frozen=True):
    days: int


async def _old(sides: Sides, subject: str) -> Answer:
    found = await sides.endpoints.by_bearer(PATH, _Old)
    return Answer(rows={sides.person.user_id: {DAYS: found.default_message_retention_days}})


async def _new(sides: Sides, subject: str) -> Answer:
    found = await told(sides.candidate, "load_retention", {}, _New)
    return Answer(rows={sides.person.user_id: {DAYS: found.days}})


COMPARISON: Final = Comparison(
    name="load_retention",
    control=f"`GET {PATH}` with the bearer token",
    old=_old,
    new=_new,
    declared=(),
)
