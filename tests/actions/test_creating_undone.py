"""create_conversation that fails: nothing is left behind, whichever step it was and whoever gave up."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bridge.errors import StoreDown, StoreError
from tests.actions.made import ADD_FAILED, CREATE, DIRECT, OURS, made_so_far, members
from tests.actions.performing import perform, raise_down, refusal, told
from tests.parts import Parts
from tests.people import B, C

REFUSED = {
    "conversations.admit": ADD_FAILED,
    "users.by_any_ids": ("DATABASE_ERROR", "Failed to create conversation"),
}
STEPS = [
    *((payload, step) for payload in (DIRECT, OURS) for step in ("users.by_any_ids", "conversations.insert")),
    (DIRECT, "conversations.directs_between"),
    (DIRECT, "conversations.damaged_directs_between"),
    (DIRECT, "conversations.participants"),
    *((payload, "conversations.admit") for payload in (DIRECT, OURS)),
]


@pytest.mark.parametrize(("payload", "step"), STEPS, ids=lambda given: given if isinstance(given, str) else "")
@pytest.mark.parametrize("is_carried_out", [False, True], ids=["refused", "answer lost"])
async def test_a_failure_at_any_step_leaves_nothing_behind(
    payload: dict[str, Any], step: str, *, is_carried_out: bool
) -> None:
    """The tables are as before, with the creator-adding trigger too (contract F3, F49)."""
    parts = Parts()
    parts.tables.adds_creators = True
    before = parts.tables.contents()
    if is_carried_out:
        parts.door.meanwhile(step, raise_down)
    else:
        parts.door.failing[step] = StoreDown("503")
    if step in REFUSED:
        assert told(await refusal(parts, B, CREATE, **payload)) == REFUSED[step]
    else:
        with pytest.raises(StoreError):
            await perform(parts, B, CREATE, **payload)
    assert parts.tables.contents() == before
    parts.door.failing.clear()
    await perform(parts, B, CREATE, **payload)
    assert made_so_far(parts) == 1


@pytest.mark.parametrize("payload", [DIRECT, OURS], ids=["direct", "group"])
@pytest.mark.parametrize("step", ["conversations.insert", "conversations.admit"])
async def test_a_client_that_is_gone_leaves_nothing_behind(payload: dict[str, Any], step: str) -> None:
    """Cancelled while the tables have done it and nobody knows."""
    parts = Parts()
    before = parts.tables.contents()
    gate = parts.door.hold_answer(step)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(perform(parts, B, CREATE, **payload))
        await gate.reached()
        task.cancel()
    assert task.cancelled()
    assert parts.tables.contents() == before


async def test_a_failure_of_the_undoing_is_not_the_clients_business() -> None:
    """It is told what failed first; the log has the rest, and the next attempt completes what is left."""
    parts = Parts()
    parts.door.failing = {name: StoreDown() for name in ("conversations.admit", "conversations.withdraw")}
    assert told(await refusal(parts, B, CREATE, participantIds=[C.user_id])) == ADD_FAILED
    assert made_so_far(parts) == 1
    parts.door.failing.clear()
    made = await perform(parts, C, CREATE, participantIds=[B.user_id])
    assert set(members(parts, made)) == {B.user_id, C.user_id}
    assert made_so_far(parts) == 1


async def test_an_undoing_that_is_cancelled_ends_at_once() -> None:
    """A second cancellation is a shutdown that waits for nobody."""
    parts = Parts()
    parts.door.failing["conversations.admit"] = StoreDown()
    gate = parts.door.hold("conversations.withdraw")
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(perform(parts, B, CREATE, participantIds=[C.user_id]))
        await gate.reached()
        task.cancel()
    assert task.cancelled()
