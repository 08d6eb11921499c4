"""Presence rows are written in batches, and a failure costs no more than a heartbeat."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from bridge.errors import StoreDown, StoreRefused
from bridge.models import UserId
from bridge.presence_upkeep import FAREWELL_SECONDS, ROWS_AT_ONCE
from tests.parts import HEARTBEAT_SECONDS, Parts
from tests.people import A, B, C, D, Person, uuid_of
from tests.presence.watching import statuses
from tests.virtual_time import in_virtual_time


async def test_changes_are_written_in_one_batch_and_everybody_at_a_heartbeat() -> None:
    """At most 500 rows a request."""
    parts = Parts()
    people = [made(number) for number in range(ROWS_AT_ONCE + 1)]
    for person in people:
        parts.tables.add_user(person.user)
        parts.context.presence.connect(person.identity)
    await parts.presence.write()
    assert len(parts.tables.presence_rows) == ROWS_AT_ONCE + 1
    assert parts.store.asked("presence.write") == 2
    await parts.presence.write()
    assert parts.store.asked("presence.write") == 2
    parts.clock.advance(HEARTBEAT_SECONDS)
    await parts.presence.write()
    assert parts.store.asked("presence.write") == 4
    assert {row.last_seen for row in parts.tables.presence_rows.values()} == {parts.clock.now()}


def made(number: int) -> Person:
    """Return somebody new."""
    return Person(name="N", auth_id=A.auth_id, user_id=UserId(uuid_of(0xB0, number)))


async def test_a_failed_write_is_logged_counted_and_made_good_by_the_next_heartbeat() -> None:
    """Nothing raises."""
    parts = Parts()
    parts.context.presence.connect(B.identity)
    parts.door.failing["presence.write"] = StoreDown("down")
    with capture_logs() as logs:
        await parts.presence.write()
    assert [(line["event"], line["failures"]) for line in logs] == [("presence.not_written", 1)]
    parts.door.failing.clear()
    parts.clock.advance(HEARTBEAT_SECONDS / 2)
    await parts.presence.write()
    assert parts.tables.presence_rows == {}
    parts.clock.advance(HEARTBEAT_SECONDS / 2)
    await parts.presence.write()
    assert statuses(parts) == {"b": "online"}


async def test_a_user_that_is_no_more_does_not_keep_the_others_out() -> None:
    """Its row is refused by the foreign key, and with it every batch it is in."""
    parts = Parts()
    for person in (A, B, made(1), C, D):
        parts.context.presence.connect(person.identity)
    await parts.presence.write()
    assert statuses(parts) == dict.fromkeys("abcd", "online")


async def test_a_refused_right_is_not_tried_row_by_row() -> None:
    """All rows would be refused alike (contract F43)."""
    parts = Parts()
    for person in (A, B, C):
        parts.context.presence.connect(person.identity)
    parts.tables.failing = StoreRefused("42501")
    await parts.presence.write()
    assert parts.store.asked("presence.write") == 1
    assert parts.context.health.reasons[-1] == "user_presence cannot be written"


async def test_a_farewell_writes_everybody_offline() -> None:
    """In one batch."""
    parts = Parts()
    for person in (A, B):
        parts.context.presence.connect(person.identity)
    await parts.presence.write()
    await parts.presence.say_farewell()
    assert statuses(parts) == {"a": "offline", "b": "offline"}
    assert parts.store.asked("presence.write") == 2


@in_virtual_time
async def test_a_farewell_does_not_hold_up_the_end() -> None:
    """The tables do not answer."""
    parts = Parts()
    parts.context.presence.connect(B.identity)
    parts.door.hold("presence.write")
    began_at = asyncio.get_running_loop().time()
    with capture_logs() as logs:
        await parts.presence.say_farewell()
    assert asyncio.get_running_loop().time() - began_at == pytest.approx(FAREWELL_SECONDS)
    assert [line["event"] for line in logs] == ["presence.farewell_incomplete"]
