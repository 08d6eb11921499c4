"""A client that comes back to another process than the one that knew it: the change log knows what it missed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bridge.change_log import LogEntry, Operation
from bridge.errors import StoreDown
from bridge.feed.changes import MessageInserted, ParticipantChanged
from bridge.feed.signals import Live
from bridge.models import Message
from bridge.protocol import LISTED_TYPES
from bridge.resuming import MAX_ENTRIES
from tests.emulated_w1 import Frame
from tests.parts import Parts
from tests.people import BIRTH, OTHER_ROOM, ROOM, B, C, Person, X, message, participant
from tests.world import Client, World


class Two:
    """A process and the one that takes its place, on the same tables with a log."""

    def __init__(self, first: World, second: World) -> None:
        self.first = first
        self.second = second

    async def cursor(self, person: Person = C, *capabilities: str) -> str:
        """Let somebody come to the first process and be gone again; return the cursor."""
        await self.first.relay.catch_up()
        client = self.first.client()
        client.also = LISTED_TYPES
        token = self.first.mint.hs256(person.auth_id)
        welcome = await client.ask("auth", token=token, capabilities=["resume", *capabilities])
        client.vanish()
        return str(welcome.payload["cursor"])

    async def come(self, cursor: str, person: Person = C, *capabilities: str) -> tuple[Client, Frame]:
        """Let somebody come to the second process with a cursor."""
        client = self.second.client()
        client.also = LISTED_TYPES
        token = self.second.mint.hs256(person.auth_id)
        return client, await client.ask("auth", token=token, capabilities=["resume", *capabilities], cursor=cursor)

    def record(self, table: str, operation: Operation, row_id: str, person: Person | None = None) -> None:
        """Let a trigger record what was done in the room."""
        assert self.first.tables.recorded is not None
        room = None if table == "message_status" else ROOM
        entry = LogEntry(
            table=table,
            operation=operation,
            row_id=row_id,
            conversation_id=room,
            user_id=person.user_id if person else None,
            at=self.first.clock.now(),
        )
        self.first.tables.recorded.append(entry)

    def write(self, number: int, *, writer: Person = B) -> Message:
        """Let a message be written, by whomever."""
        row = self.first.legacy_insert(message(number, writer))
        self.record("messages", Operation.INSERT, row.id)
        return row


@asynccontextmanager
async def two() -> AsyncIterator[Two]:
    """Run both."""
    async with asyncio.TaskGroup() as tasks:
        first = World(tasks)
        first.tables.recorded = []
        second = World(tasks, first)
        for one in (first, second):
            await one.relay.handle(Live())
        both = Two(first, second)
        both.record("message_status", Operation.INSERT, message(99).id, B)  # so that there is a place to be at
        await first.relay.catch_up()
        yield both
        first.end()
        second.end()


async def told(client: Client) -> list[str]:
    """Return the types of the pushes so far."""
    await client.ask("ping")
    return [frame.type for frame in client.frames if frame.type not in {"auth_success", "pong"}]


async def test_what_was_missed_is_told_in_order_and_then_live() -> None:
    """Whether the process has told it to others already, or has not heard of it."""
    async with two() as both:
        cursor = await both.cursor()
        await both.second.relay.handle(MessageInserted(both.write(1)))
        both.write(2)
        again, welcome = await both.come(cursor)
        await both.second.relay.handle(MessageInserted(both.write(3)))
        await both.second.relay.catch_up()
        assert (welcome.payload["resumed"], await again.received()) == (True, ["legacy 1", "legacy 2", "legacy 3"])


async def test_only_what_happened_since_the_cursor_is_told() -> None:
    """As far as the process before said that it had told everything."""
    async with two() as both:
        both.write(1)
        cursor = await both.cursor()
        both.write(2)
        again, _ = await both.come(cursor)
        assert await again.received() == ["legacy 2"]


async def test_nothing_missed_is_resumed_too() -> None:
    """And from then on the client has a cursor of this process."""
    async with two() as both:
        _, welcome = await both.come(await both.cursor())
        cursor = str(welcome.payload["cursor"])
        assert welcome.payload["resumed"] is True
        await both.second.relay.handle(MessageInserted(both.write(1)))
        again, welcome = await both.come(cursor)
        assert (welcome.payload["resumed"], await again.received()) == (True, ["legacy 1"])


async def test_a_client_that_breaks_off_in_between_begins_anew() -> None:
    """Only the last push is a cursor: what was told before it is not in the order of this process."""
    async with two() as both:
        cursor = await both.cursor()
        both.write(1)
        both.write(2)
        again, _ = await both.come(cursor)
        shown = [frame.request_id for frame in await again.pushed()]
        resumed = [(await both.come(one))[1].payload["resumed"] for one in shown]
        assert resumed == [False, True]


@pytest.mark.parametrize(
    ("table", "operation", "capability"),
    [
        ("conversations", Operation.UPDATE, "conversations"),
        ("conversation_participants", Operation.INSERT, "conversations"),
        ("conversation_participants", Operation.DELETE, "members"),
        ("messages", Operation.UPDATE, "message_changes"),
        ("messages", Operation.DELETE, "message_changes"),
    ],
)
async def test_what_cannot_be_told_again_is_loaded(table: str, operation: Operation, capability: str) -> None:
    """By a client that shows it; to others it makes no difference."""
    async with two() as both:
        cursor = await both.cursor(C, capability)
        both.record(table, operation, participant(X).id, X)
        assert (await both.come(cursor, C, capability))[1].payload["resumed"] is False
        assert (await both.come(cursor, C))[1].payload["resumed"] is True


async def test_a_list_that_changes_after_the_question_is_told() -> None:
    """Nobody else is here who wants to know of it: whoever is about to come counts."""
    async with two() as both:
        cursor = await both.cursor(B, "conversations")
        come = participant(B, OTHER_ROOM)
        both.second.tables.rows[come.id] = come
        both.write(1, writer=C)

        gate = both.second.door.hold_answer("messages.by_ids")
        async with asyncio.TaskGroup() as tasks:
            coming = tasks.create_task(both.come(cursor, B, "conversations"))
            await gate.reached()
            await both.second.relay.handle(ParticipantChanged(come))
            gate.open()
        again, welcome = await coming
        assert (welcome.payload["resumed"], await told(again)) == (True, ["conversation_added", "message_received"])


async def test_receipts_are_told_again() -> None:
    """To a client that shows them; twice does no harm."""
    async with two() as both:
        row = both.write(1, writer=C)
        cursor = await both.cursor(C, "receipts")
        both.record("message_status", Operation.INSERT, row.id, B)
        again, welcome = await both.come(cursor, C, "receipts")
        assert (welcome.payload["resumed"], await told(again)) == (True, ["messages_read"])
        assert again.frames[1].payload["userId"] == B.user_id
        assert again.frames[1].payload["messageIds"] == [row.id]
        again, _ = await both.come(cursor, C)
        assert await told(again) == []


async def test_what_happened_where_somebody_is_not_is_not_told() -> None:
    """Only the conversations that it is in now."""
    async with two() as both:
        cursor = await both.cursor(X)
        both.write(1)
        again, welcome = await both.come(cursor, X)
        assert (welcome.payload["resumed"], await again.received()) == (True, [])


async def test_who_is_removed_after_the_question_is_told_nothing_but_that() -> None:
    """Neither messages nor receipts of what they are no longer in."""
    async with two() as both:
        cursor = await both.cursor(C, "receipts", "conversations")
        row = both.write(1)
        both.record("message_status", Operation.INSERT, row.id, B)
        answer = both.second.door.hold_answer("change_log.missed")
        async with asyncio.TaskGroup() as tasks:
            coming = tasks.create_task(both.come(cursor, C, "receipts", "conversations"))
            await answer.reached()
            gone = participant(C, left=True)
            both.second.tables.rows[gone.id] = gone
            await both.second.relay.handle(ParticipantChanged(gone))
            answer.open()
        again, welcome = coming.result()
        assert welcome.payload["resumed"] is True
        assert await told(again) == ["conversation_removed"]


async def test_a_message_that_is_gone_meanwhile_resumes_nothing() -> None:
    """The client may have it on its screen, or not."""
    async with two() as both:
        cursor = await both.cursor()
        row = both.write(1)
        del both.first.tables.messages_by_id[row.id]
        assert (await both.come(cursor))[1].payload["resumed"] is False


async def test_without_a_log_nothing_is_resumed() -> None:
    """Nor if it is another one, or was pruned."""
    async with two() as both:
        cursor = await both.cursor()
        both.write(1)
        both.second.tables.pruned = 2
        assert (await both.come(cursor))[1].payload["resumed"] is False
        both.second.tables.pruned = 0
        assert (await both.come(cursor))[1].payload["resumed"] is True
        both.second.tables.recorded = None
        assert (await both.come(cursor))[1].payload["resumed"] is False


async def test_a_log_that_cannot_be_read_resumes_nothing() -> None:
    """But the client is in."""
    async with two() as both:
        cursor = await both.cursor()
        both.second.door.failing["change_log.missed"] = StoreDown()
        _, welcome = await both.come(cursor)
        assert (welcome.type, welcome.payload["resumed"]) == ("auth_success", False)


async def test_too_much_resumes_nothing() -> None:
    """It is quicker loaded."""
    async with two() as both:
        cursor = await both.cursor()
        for number in range(MAX_ENTRIES):
            both.write(number)
        assert (await both.come(cursor))[1].payload["resumed"] is True
        both.write(MAX_ENTRIES)
        assert (await both.come(cursor))[1].payload["resumed"] is False


async def test_what_stands_in_line_is_not_told_yet() -> None:
    """Though the log has it: cursors say so only when it has been told."""
    async with two() as both:
        hub = both.first.context.hub
        slow = hub.reserve(ROOM, "slow", BIRTH)
        row = both.write(1)
        await both.first.relay.catch_up()
        cursor = both.first.context.history.cursor()
        slow.abandon()
        assert (await both.come(cursor))[1].payload["resumed"] is True
        again, _ = await both.come(cursor)
        assert await again.received() == [row.content]
        again, _ = await both.come(both.first.context.history.cursor())
        assert await again.received() == []


async def test_a_message_of_this_process_that_is_on_its_way_comes_live() -> None:
    """It is in the log, and in nobody's history yet."""
    async with two() as both:
        cursor = await both.cursor()
        b = await both.second.signed_in(B)
        gate = both.second.door.hold_answer("messages.insert")
        request = b.send("send_message", conversationId=ROOM, content="on its way")
        await gate.reached()
        (row,) = both.second.stored()
        both.record("messages", Operation.INSERT, row.id)
        again, welcome = await both.come(cursor)
        assert (welcome.payload["resumed"], await again.received()) == (True, [])
        gate.open()
        await b.reply(request)
        assert await again.received() == ["on its way"]


def test_a_process_takes_its_own_cursors_as_its_own() -> None:
    """Whatever the log has."""
    parts = Parts()
    assert parts.context.history.mark_of(parts.context.history.cursor()) is None
