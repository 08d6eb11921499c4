"""Who somebody is: the users row that a token leads to (contract data-model section 6)."""

from __future__ import annotations

from typing import Final

from bridge.comparison.answers import Answer
from migration.parity.definition import Comparison, Sides


async def _old(sides: Sides, subject: str) -> Answer:
    found = await sides.control.rows(
        "users",
        select="id,auth_user_id,username,display_name,phone:phone_number",
        auth_user_id=f"eq.{sides.person.auth_id}",
        order="created_at,id",
        limit="1",
    )
    return Answer(rows={"user": found[0]} if found else {})


async def _new(sides: Sides, subject: str) -> Answer:
    welcome = (await sides.candidate.authenticate(sides.person.token)).user
    shown = {
        "id": welcome.id,
        "auth_user_id": welcome.auth_user_id,
        "username": welcome.username,
        "display_name": welcome.display_name,
        "phone": welcome.phone,
    }
    return Answer(rows={"user": shown})


COMPARISON: Final = Comparison(
    name="auth",
    control="select the users row of the token's `sub`",
    old=_old,
    new=_new,
    declared=(),
)
