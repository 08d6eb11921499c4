"""Where requests and writes are noted, and whose a write is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bridge.feed.changes import (
    ConversationWritten,
    MessageInserted,
    ParticipantChanged,
    ReceiptWritten,
    TypingRowChanged,
)
from bridge.feed.signals import Live
from bridge.models import ConversationId
from bridge.typing_upkeep import TypingUpkeep
from bridge.usage import NOBODY
from tests.actions.performing import perform
from tests.compat.shims import CONVERSATIONS, GROUPS, PROFILE, shims
from tests.parts import Parts
from tests.people import ROOM, A, B, C, D, E, X, conversation_id, message, participant
from tests.world import world

Written = dict[str, list[bool]]


def written(parts: Parts) -> Written:
    """Return for each table and row of it, in order, whether a bridge wrote it, as far as noted since the last time."""
    found: Written = {}
    for row in parts.usage.take(everything=True).rows:
        found.setdefault(row.table, []).append(row.by_bridge)
    return found


async def test_a_message_is_whose_its_id_says() -> None:
    """Own ones are noted as they are sent, legacy ones as they are heard of, each once; also those of strangers."""
    parts = Parts()
    await parts.relay.handle(Live())
    await perform(parts, B, "send_message", conversationId=ROOM, content="hello")
    (own,) = parts.stored()
    for row in (own, message(1, C), message(1, C), message(2, X)):
        await parts.relay.handle(MessageInserted(parts.legacy_insert(row)))
    assert written(parts) == {"messages": [True, False, False]}


async def test_the_echo_of_a_send_may_come_first() -> None:
    """It says itself that it is ours."""
    async with world() as w:
        answer = w.door.hold_answer("messages.insert")
        client = await w.signed_in(B)
        sent = client.send("send_message", conversationId=ROOM, content="hello")
        await answer.reached()
        await w.relay.handle(MessageInserted(w.stored()[0]))
        answer.open()
        await client.reply(sent)
        assert written(w) == {"messages": [True]}


async def test_messages_that_the_feed_lost_are_noted_too() -> None:
    """Catch-up finds them; what it finds of what is known is no news."""
    parts = Parts()
    await parts.relay.handle(Live())
    parts.legacy_insert(message(1, C))
    await parts.relay.catch_up()
    await parts.relay.catch_up()
    assert written(parts) == {"messages": [False]}


async def test_a_message_is_noted_where_and_when_it_was_heard_of() -> None:
    """Never what is in it."""
    parts = Parts()
    parts.clock.advance(timedelta(days=3).total_seconds())
    await parts.relay.handle(Live())
    await parts.relay.handle(MessageInserted(parts.legacy_insert(message(1, C, content="a secret"))))
    (row,) = parts.usage.take(everything=True).rows
    assert (row.day, row.conversation_id) == (parts.clock.now().date(), ROOM)
    assert "secret" not in str(row)


@pytest.mark.parametrize(
    ("conversation", "by_bridge"),
    [
        (conversation_id(7), False),
        (ConversationId("019b0000-0000-8000-8000-000000000001"), True),
    ],
)
async def test_a_new_conversation_is_whose_its_id_says(conversation: ConversationId, *, by_bridge: bool) -> None:
    """As the feed tells of it; what is written to one that was there is no new row."""
    parts = Parts()
    for is_new in (True, False):
        await parts.relay.handle(ConversationWritten(id=conversation, is_new=is_new, conversation=None))
    assert written(parts) == {"conversations": [by_bridge]}


async def test_participants_whom_the_bridge_lets_in_are_its_own() -> None:
    """Whether the echo comes before or after; others are legacy writers'."""
    parts = Parts()
    parts.tables.add_participant(ROOM, B.user_id)
    await parts.relay.handle(ParticipantChanged(participant(X)))
    await perform(parts, B, "add_participants", conversationId=ROOM, userIds=[X.user_id])
    await parts.relay.handle(ParticipantChanged(participant(X)))
    await parts.relay.handle(ParticipantChanged(participant(D)))
    assert written(parts)["conversation_participants"] == [True, False]


async def test_receipts_are_noted_once_for_each_message_and_reader() -> None:
    """Own ones as they are written, with or without an echo; legacy ones as they are heard of."""
    parts = Parts()
    for number in (1, 2):
        parts.legacy_insert(message(number, C))
    own, other = (message(number, C).id for number in (1, 2))
    await perform(parts, B, "mark_as_read", conversationId=ROOM, messageIds=[own])
    for message_id, reader in ((own, B), (other, A), (other, A)):
        await parts.relay.handle(ReceiptWritten(message_id=message_id, user_id=reader.user_id, status="read"))
    assert written(parts) == {"message_status": [True, False]}


async def test_typing_is_noted_when_it_is_written() -> None:
    """Own rows by who writes them, legacy ones as they are heard of."""
    parts = Parts()
    await perform(parts, B, "typing_start", conversationId=ROOM)
    await TypingUpkeep(parts.context).tick()
    for person in (B, C):
        await parts.relay.handle(TypingRowChanged(conversation_id=ROOM, user_id=person.user_id, is_typing=True))
    assert written(parts) == {"typing_indicators": [True, False]}


async def test_a_socket_is_noted_with_its_program_when_it_signs_in() -> None:
    """As often as it does."""
    async with world() as w:
        client = await w.signed_in(B)
        await client.ask("auth", token=w.mint.hs256(B.auth_id), client={"name": "web", "version": "3.0"})
        noted = w.usage.take().requests
        assert [(one.endpoint, one.client, one.version, one.user_id) for one in noted] == [
            ("socket", "unknown", "", B.user_id),
            ("socket", "web", "3.0", B.user_id),
        ]


async def test_old_endpoints_are_noted_with_who_asks() -> None:
    """Under their names, whatever the answer; the word of strangers about their program counts for nothing."""
    async with shims() as s:
        said = {"X-Client-Name": "old-web", "X-Client-Version": "1.4", "User-Agent": "curl/8.0"}
        await s.send("GET", GROUPS, {**s.cookie(B), **said})
        await s.send("POST", CONVERSATIONS, {**s.cookie(C), **said}, b"{}")
        await s.send("GET", GROUPS, {**s.cookie(E), **said})
        await s.send("POST", PROFILE, said, b"nonsense")
        await s.send("DELETE", GROUPS, {**s.cookie(B), **said})
        noted = s.world.usage.take().requests
        assert [(one.endpoint, one.client, one.version, one.user_id) for one in noted] == [
            ("list_groups", "old-web", "1.4", B.user_id),
            ("make_conversation", "old-web", "1.4", C.user_id),
            ("list_groups", "curl", "8", NOBODY),
            ("change_profile", "curl", "8", NOBODY),
        ]


async def test_what_is_retired_is_noted_too() -> None:
    """So that the team sees who comes too late."""
    async with shims({"list_groups"}) as s:
        await s.send("GET", GROUPS, s.cookie(B))
        (noted,) = s.world.usage.take().requests
        assert (noted.endpoint, noted.user_id, noted.count) == ("list_groups", NOBODY, 1)
