"""A send repeated under the same clientMessageId is the same message, whatever happened in between."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from bridge.feed.changes import MessageInserted, MessageRowDeleted
from bridge.models import MessageId
from tests.actions.performing import perform, refusal
from tests.parts import Parts
from tests.people import BIRTH, OTHER_ROOM, ROOM, A, B, C, message, message_id
from tests.receivers import Receiver

PAYLOAD = {"conversationId": ROOM, "content": "hi", "clientMessageId": "1"}


def listening(parts: Parts) -> Receiver:
    """Return a receiver of A's pushes."""
    receiver = Receiver(A)
    parts.context.hub.attach(receiver)
    return receiver


async def test_a_repeated_send_is_one_row_one_answer_and_one_push() -> None:
    """A client that lost its connection before the answer may simply send again."""
    parts = Parts()
    a = listening(parts)
    first = await perform(parts, B, "send_message", **PAYLOAD)
    parts.clock.advance(60)
    second = await perform(parts, B, "send_message", **PAYLOAD)
    assert first == second
    assert len(parts.stored()) == 1
    assert a.contents == ["hi"]


async def test_the_same_name_of_another_sender_is_another_message() -> None:
    """Nobody can take somebody else's place."""
    parts = Parts()
    await perform(parts, B, "send_message", **PAYLOAD)
    await perform(parts, C, "send_message", **PAYLOAD)
    assert len(parts.stored()) == 2


async def test_without_a_name_every_send_is_a_message() -> None:
    """An empty one and null are none."""
    parts = Parts()
    for name in ("", None, ""):
        await perform(parts, B, "send_message", conversationId=ROOM, content="hi", clientMessageId=name)
    assert len(parts.stored()) == 3


async def test_a_name_used_for_something_else_is_refused() -> None:
    """Another text, another conversation or another original: answering with the earlier message would be a lie."""
    parts = Parts()
    original = parts.legacy_insert(message(1))
    await perform(parts, C, "send_message", **PAYLOAD)
    for changed in ({"content": "other"}, {"conversationId": OTHER_ROOM}, {"replyToId": original.id}):
        fault = await refusal(parts, C, "send_message", **{**PAYLOAD, **changed})
        assert (fault.code.value, fault.text) == ("DATABASE_ERROR", "Failed to send message")
    assert [one.content for one in parts.stored()] == ["hi", "legacy 1"]
    assert parts.stored(OTHER_ROOM) == []
    assert not parts.context.hub._reservations._by_key


async def test_a_repeated_reply_shows_its_original_again() -> None:
    """The second answer equals the first."""
    parts = Parts()
    original = parts.legacy_insert(message(1))
    first = await perform(parts, B, "send_message", **PAYLOAD, replyToId=original.id)
    second = await perform(parts, B, "send_message", **PAYLOAD, replyToId=original.id)
    assert first == second
    assert second["message"]["reply_to"]["id"] == original.id


async def test_a_repeat_that_is_quicker_than_the_first_attempt_overtakes_nobody() -> None:
    """What is told has the time of the attempt that wrote it, and its place.

    Else a message sent between both, and answered at once, would be pushed after one with a later time.
    """
    parts = Parts()
    c = listening(parts)
    slow = parts.door.hold("messages.insert")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(perform(parts, B, "send_message", **PAYLOAD))
        await slow.reached()
        await perform(parts, C, "send_message", conversationId=ROOM, content="between")
        await perform(parts, B, "send_message", **PAYLOAD)
        assert c.contents == []
        slow.open()
    assert [one.content for one in parts.stored()] == ["between", "hi"]
    assert c.contents == ["between", "hi"]
    assert not parts.context.hub._reservations._lines


async def test_a_row_that_is_gone_is_written_anew_and_told_anew() -> None:
    """The database knows of no deleted rows; whoever is answered that it is written has to be right."""
    parts = Parts()
    a = listening(parts)
    sent_id = MessageId((await perform(parts, B, "send_message", **PAYLOAD))["message"]["id"])
    del parts.tables.messages_by_id[sent_id]
    await parts.relay.handle(MessageRowDeleted(sent_id))
    parts.clock.advance(1)
    await perform(parts, B, "send_message", **PAYLOAD)
    assert [one.id for one in parts.stored()] == [sent_id]
    assert a.contents == ["hi", "hi"]
    assert not parts.context.message_states.is_lost(sent_id), "whoever is away is to be told of it"


async def test_the_same_name_in_another_conversation_does_not_let_the_echo_overtake_the_answer() -> None:
    """It is refused, and the first send goes on as if nothing had been."""
    parts = Parts()
    a = listening(parts)
    answer = parts.door.hold_answer("messages.insert")
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(perform(parts, C, "send_message", **PAYLOAD))
        await answer.reached()
        await refusal(parts, C, "send_message", **{**PAYLOAD, "conversationId": OTHER_ROOM})
        (written,) = parts.stored()
        await parts.relay.handle(MessageInserted(written))
        assert a.contents == []
        answer.open()
    assert a.contents == ["hi"]


async def test_a_message_edited_meanwhile_is_still_the_same() -> None:
    """Its text is another one now, and the repeat is answered with it."""
    parts = Parts()
    sent_id = MessageId((await perform(parts, B, "send_message", **PAYLOAD))["message"]["id"])
    parts.legacy_insert(replace(parts.tables.messages_by_id[sent_id], content="edited", edited_at=BIRTH))
    again = await perform(parts, B, "send_message", **PAYLOAD)
    assert (again["message"]["id"], again["message"]["encrypted_content"]) == (sent_id, "edited")


async def test_a_message_deleted_meanwhile_is_told_to_nobody() -> None:
    """A bridge that has forgotten that it delivered it must not show it again."""
    parts = Parts()
    sent_id = MessageId((await perform(parts, B, "send_message", **PAYLOAD))["message"]["id"])
    restarted = Parts()
    restarted.legacy_insert(replace(parts.tables.messages_by_id[sent_id], deleted_at=BIRTH))
    a = listening(restarted)
    again = await perform(restarted, B, "send_message", **PAYLOAD)
    assert again["message"]["deleted_at"] is not None
    assert a.contents == []
    assert not restarted.context.hub._reservations._by_key
    assert await restarted.context.quotes.within(ROOM, sent_id) is None


async def test_a_repeat_after_a_restart_reaches_those_who_missed_it() -> None:
    """The first bridge may have died between writing and telling."""
    parts = Parts()
    sent_id = MessageId((await perform(parts, B, "send_message", **PAYLOAD))["message"]["id"])
    restarted = Parts()
    restarted.legacy_insert(parts.tables.messages_by_id[sent_id])
    a = listening(restarted)
    await perform(restarted, B, "send_message", **PAYLOAD)
    assert a.contents == ["hi"]


async def test_a_reply_shows_its_original() -> None:
    """In the answer, in the push and on the page, whatever the case of the id."""
    parts = Parts()
    a = listening(parts)
    parts.legacy_insert(message(1, A))
    for number, asked in enumerate((message_id(1), message_id(1).upper())):
        sent = await perform(parts, B, "send_message", conversationId=ROOM, content=str(number), replyToId=asked)
        assert sent["message"]["reply_to_id"] == message_id(1)
        assert sent["message"]["reply_to"] == {
            "id": message_id(1),
            "encrypted_content": "legacy 1",
            "sender_id": A.user_id,
        }
        assert '"reply_to":{' in a.frames[-1]
    page = await perform(parts, A, "load_messages", conversationId=ROOM)
    assert all(shown["reply_to"]["id"] == message_id(1) for shown in page["messages"] if shown["reply_to_id"])


async def test_null_and_empty_are_no_original() -> None:
    """A client may send the field always."""
    parts = Parts()
    for nothing in (None, ""):
        sent = await perform(parts, B, "send_message", conversationId=ROOM, content="hi", replyToId=nothing)
        assert "reply_to" not in sent["message"]


async def test_a_reply_to_what_is_not_in_the_conversation_is_refused() -> None:
    """Foreign, unknown, deleted or malformed: alike, and nothing is written (contract F10)."""
    parts = Parts()
    foreign = parts.legacy_insert(message(1, C, conversation=OTHER_ROOM))
    deleted = parts.legacy_insert(replace(message(2), deleted_at=BIRTH))
    for asked in (foreign.id, deleted.id, message_id(99), "nonsense", f"{ROOM}),or(id.neq.0"):
        fault = await refusal(parts, C, "send_message", conversationId=ROOM, content="hi", replyToId=asked)
        assert (fault.code.value, fault.text) == ("DATABASE_ERROR", "Failed to send message")
    assert parts.stored() == []
