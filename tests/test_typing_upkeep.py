"""The regular work of typing."""

from __future__ import annotations

from bridge.errors import StoreDown
from bridge.models import profile_of
from bridge.typing_state import ENDS_AFTER_SECONDS, WRITE_AT_MOST_EVERY_SECONDS
from bridge.typing_upkeep import TypingUpkeep
from tests.parts import Parts
from tests.people import ROOM, B, C

MEMBERS = frozenset({B.user_id, C.user_id})


async def test_a_tick_writes_what_is_due_and_ends_who_is_overdue() -> None:
    """True at once, false after the typist fell silent."""
    parts = Parts()
    upkeep = TypingUpkeep(parts.context)
    parts.context.typing.begin(ROOM, profile_of(B.user), MEMBERS)
    await upkeep.tick()
    assert parts.tables.typing_rows == {(ROOM, B.user_id): True}
    parts.clock.advance(max(ENDS_AFTER_SECONDS, WRITE_AT_MOST_EVERY_SECONDS))
    await upkeep.tick()
    assert parts.tables.typing_rows == {(ROOM, B.user_id): False}


async def test_a_failed_write_does_not_stop_the_upkeep() -> None:
    """Nor is it repeated."""
    parts = Parts()
    upkeep = TypingUpkeep(parts.context)
    parts.door.failing["typing.set"] = StoreDown("down")
    parts.context.typing.begin(ROOM, profile_of(B.user), MEMBERS)
    await upkeep.tick()
    parts.door.failing.clear()
    await upkeep.tick()
    assert parts.tables.typing_rows == {}
