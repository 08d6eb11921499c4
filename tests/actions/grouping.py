"""Groups of the sample people, and what fails while they are made or joined."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from bridge.errors import StoreDown, StoreError
from bridge.ids import new_conversation_id
from bridge.store.memory.tables import conversation_of
from tests.actions.performing import perform, raise_down
from tests.parts import Parts
from tests.people import BIRTH, B, Person

CODE = re.compile("[0-9A-F]{8}")


async def group_of(parts: Parts, person: Person, **payload: object) -> dict[str, Any]:
    """Make a group."""
    return await perform(parts, person, "create_group", **{"name": "Chess", **payload})


def add_room(parts: Parts, made: dict[str, Any], *, is_private: bool | None = False, kind: str = "room") -> str:
    """Put another room into a group."""
    room_id = new_conversation_id(BIRTH)
    room = conversation_of(room_id, kind, group_id=made["group_id"], is_private=is_private, position=1)
    return parts.tables.add_conversation(room).id


def member_rooms(parts: Parts, person: Person) -> set[str]:
    """Return the rooms of groups that somebody is active in."""
    rooms = {row.id for row in parts.tables.conversation_rows.values() if row.group_id}
    return {room for room in rooms if person.user_id in parts.tables.active(room)}


async def fail_at(parts: Parts, step: str, how: str, action: str, payload: dict[str, Any]) -> None:
    """Let an action of bob's fail at a step, before or after the tables have done it."""
    if how == "cancelled":
        gate = parts.door.hold_answer(step)
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(perform(parts, B, action, **payload))
            await gate.reached()
            task.cancel()
        assert task.cancelled()
        return
    if how == "answer lost":
        parts.door.meanwhile(step, raise_down)
    else:
        parts.door.failing[step] = StoreDown("503")
    with pytest.raises(StoreError):
        await perform(parts, B, action, **payload)
    parts.door.failing.clear()
