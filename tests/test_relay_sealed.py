"""Sealed messages of other writers: the row first, its copies a moment later."""

from __future__ import annotations

import asyncio
import json

from msgspec.structs import replace

from bridge.content import NOTHING
from bridge.feed.changes import MessageInserted
from bridge.feed.signals import Live
from bridge.models import Message
from bridge.relay import RECONCILE_WHEN_IN_DOUBT_SECONDS
from bridge.relay.messages import COPIES_AWAITED_SECONDS
from tests.parts import Parts
from tests.people import A, B, C, message, message_id
from tests.receivers import Receiver
from tests.virtual_time import in_virtual_time


class Setting(Parts):
    """A live relay on tables of DB-3."""

    def __init__(self) -> None:
        super().__init__()
        self.tables.can_seal = True
        self.a, self.b, self.c = (Receiver(person) for person in (A, B, C))
        for receiver in (self.a, self.b, self.c):
            self.context.hub.attach(receiver)

    async def live(self) -> Setting:
        """Begin to hear changes."""
        await self.relay.handle(Live())
        return self

    async def inserted(self, row: Message) -> None:
        """Let a writer insert a row and the feed tell of it."""
        await self.relay.handle(MessageInserted(self.legacy_insert(row)))

    def sealed_for_a_and_b(self, row: Message) -> None:
        """Let the writer add the copies."""
        self.tables.sealed[row.id] = {A.user_id: "for a", B.user_id: "for b"}


def closed(number: int) -> Message:
    """Return a row that says nothing."""
    return replace(message(number), content=NOTHING.text, state=NOTHING.state)


def seen(receiver: Receiver) -> list[tuple[str, str | None]]:
    """Return content and state of what was pushed."""
    shown = [json.loads(frame)["payload"]["message"] for frame in receiver.frames]
    return [(one["encrypted_content"], one.get("content_state")) for one in shown]


async def test_copies_that_are_there_are_told_at_once() -> None:
    """To each its own."""
    s = await Setting().live()
    s.sealed_for_a_and_b(closed(1))
    await s.inserted(closed(1))
    assert (seen(s.a), seen(s.b), seen(s.c)) == (
        [("for a", "sealed")],
        [("for b", "sealed")],
        [("", "unavailable")],
    )


async def test_copies_that_come_a_moment_later_are_waited_for() -> None:
    """The message is told once, with them; the feed stays live meanwhile."""
    s = await Setting().live()
    await s.inserted(closed(1))
    assert s.a.frames == []
    assert s.relay.is_live
    s.sealed_for_a_and_b(closed(1))
    await s.relay.catch_up()
    await s.relay.catch_up()
    assert (seen(s.a), seen(s.c)) == ([("for a", "sealed")], [("", "unavailable")])


async def test_a_row_that_stays_without_copies_is_told_as_it_is() -> None:
    """After a while, once: the list and the page show it too."""
    s = await Setting().live()
    await s.inserted(closed(1))
    s.clock.advance(COPIES_AWAITED_SECONDS + 1)
    await s.relay.catch_up()
    await s.relay.catch_up()
    assert seen(s.a) == [("", "unavailable")]


async def test_a_row_that_is_withdrawn_meanwhile_is_never_told() -> None:
    """Another bridge could not write the copies."""
    s = await Setting().live()
    await s.inserted(closed(1))
    del s.tables.messages_by_id[message_id(1)]
    s.clock.advance(COPIES_AWAITED_SECONDS + 1)
    await s.relay.catch_up()
    assert s.a.frames == []


async def test_without_a_table_for_copies_nothing_is_waited_for() -> None:
    """An empty row of DB-2, say."""
    s = await Setting().live()
    s.tables.can_seal = False
    await s.inserted(closed(1))
    assert seen(s.a) == [("", "unavailable")]


async def test_a_plain_reply_to_a_sealed_message_is_told_with_each_readers_copy() -> None:
    """Of the original."""
    s = await Setting().live()
    original = s.legacy_insert(closed(1))
    s.sealed_for_a_and_b(original)
    await s.inserted(message(2, reply_to=original.id))
    quotes = [json.loads(one.frames[-1])["payload"]["message"]["reply_to"] for one in (s.a, s.b, s.c)]
    assert [quote["encrypted_content"] for quote in quotes] == ["for a", "for b", ""]


@in_virtual_time
async def test_copies_are_looked_for_again_every_moment() -> None:
    """Not only when the slow timer rings, though it was a catch-up that found them missing."""
    s = await Setting().live()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(s.relay.run())
        await s.inserted(closed(1))
        await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS * 2.5)
        s.sealed_for_a_and_b(closed(1))
        assert s.a.frames == []
        await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS)
        assert seen(s.a) == [("for a", "sealed")]
        running.cancel()
