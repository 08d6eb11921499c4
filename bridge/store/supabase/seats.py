"""Rows that make somebody a member, of a conversation or of a group: both tables follow one rule."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct
from postgrest import AsyncRequestBuilder

from bridge.models import UserId
from bridge.store.supabase.query import in_chunks, rows


class _Seat(Struct, frozen=True):
    user_id: UserId


async def admit(table: AsyncRequestBuilder, place: str, place_id: str, roles: Mapping[UserId, str]) -> None:
    """Make all of them active members of the place.

    One insert for all: it happens or it does not. Those whose rows were there already had left, or are in, or were
    added by a trigger of the app a moment ago (contract F3); for them left_at is taken back and nothing else.
    """
    seats = [{place: place_id, "user_id": user_id, "role": role} for user_id, role in roles.items()]
    query = table.upsert(seats, on_conflict=f"{place},user_id", ignore_duplicates=True)
    taken = {seat.user_id for seat in await rows(query, _Seat)}
    for chunk in in_chunks(sorted(roles.keys() - taken)):
        rejoin = table.update({"left_at": None}).eq(place, place_id).in_("user_id", chunk).not_.is_("left_at", "null")
        await rows(rejoin, _Seat)


async def put_back(table: AsyncRequestBuilder, seat: Mapping[str, str], left_at: datetime | None) -> None:
    """Make the seat what it was: left at that time, or not there at all."""
    query = table.delete() if left_at is None else table.update({"left_at": left_at.isoformat()})
    await rows(query.match(dict(seat)), dict[str, object])
