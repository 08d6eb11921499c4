"""typing_start and typing_stop, as clients see them."""

from __future__ import annotations

import pytest

from bridge.feed.changes import ParticipantChanged, TypingRowChanged
from tests.people import OTHER_ROOM, ROOM, B, C, D, X, participant
from tests.world import Client, World, world


async def opened(w: World) -> tuple[Client, Client]:
    """Return bob and carol, both with the room on their screens."""
    clients = await w.signed_in(B), await w.signed_in(C)
    for client in clients:
        await client.ask("join_conversation", conversationId=ROOM)
    return clients


async def test_others_with_the_conversation_open_see_it_before_the_typist_is_answered() -> None:
    """typing_update, then a reply of the request's own type (contract F19, ws-protocol section 9)."""
    async with world() as w:
        bob, carol = await opened(w)
        reply = await bob.ask("typing_start", conversationId=ROOM)
        assert (reply.type, reply.payload) == ("typing_start", {"conversationId": ROOM, "isTyping": True})
        assert await carol.typing_seen() == [(B.user.username, True)]
        reply = await bob.ask("typing_stop", conversationId=ROOM)
        assert (reply.type, reply.payload) == ("typing_stop", {"conversationId": ROOM, "isTyping": False})
        assert await carol.typing_seen() == [(B.user.username, True), (B.user.username, False)]
        assert await bob.typing_seen() == []


async def test_whoever_has_another_conversation_on_the_screen_sees_nothing() -> None:
    """The clients would show it there (contract F36)."""
    async with world() as w:
        bob, carol = await opened(w)
        await carol.ask("join_conversation", conversationId=OTHER_ROOM)
        await bob.ask("typing_start", conversationId=ROOM)
        assert await carol.typing_seen() == []


@pytest.mark.parametrize("how", ["send", "leave", "close"])
async def test_typing_ends_with_what_ends_it(how: str) -> None:
    """Sent, left, gone: one false (contract F36)."""
    async with world() as w:
        bob, carol = await opened(w)
        await bob.ask("typing_start", conversationId=ROOM)
        if how == "send":
            await bob.ask("send_message", conversationId=ROOM, content="done")
        elif how == "leave":
            await bob.ask("leave_conversation", conversationId=ROOM)
        else:
            bob.connection.close()
        assert await carol.typing_seen() == [(B.user.username, True), (B.user.username, False)]


async def test_whoever_is_removed_meanwhile_does_not_hear_the_end() -> None:
    """The members of the first key are no members for ever (contract F8)."""
    async with world() as w:
        bob, carol = await opened(w)
        dave = await w.signed_in(D, phone=D.phone)
        await dave.ask("join_conversation", conversationId=ROOM)
        await bob.ask("typing_start", conversationId=ROOM)
        gone = participant(C, left=True)
        w.tables.rows[gone.id] = gone
        await w.relay.handle(ParticipantChanged(gone))
        await bob.ask("typing_stop", conversationId=ROOM)
        assert await carol.typing_seen() == [(B.user.username, True)]
        assert await dave.typing_seen() == [(B.user.username, True), (B.user.username, False)]


@pytest.mark.parametrize("action", ["typing_start", "typing_stop"])
@pytest.mark.parametrize(
    ("conversation_id", "code"),
    [(None, "MISSING_CONVERSATION_ID"), ("", "MISSING_CONVERSATION_ID"), (7, "MISSING_CONVERSATION_ID"),
     ("nonsense", "ACCESS_DENIED"), (ROOM, "ACCESS_DENIED")],
)  # fmt: skip
async def test_strangers_and_nonsense_are_refused(action: str, conversation_id: object, code: str) -> None:
    """As everywhere (contract F9)."""
    async with world() as w:
        stranger = await w.signed_in(X)
        reply = await stranger.ask(action, conversationId=conversation_id)
        assert (reply.type, reply.payload["code"]) == ("error", code)


async def test_a_legacy_typist_is_seen_from_the_first_row_on() -> None:
    """The first row of a pair is an INSERT; a stranger's row says nothing (contract F31)."""
    async with world() as w:
        _, carol = await opened(w)
        for typist, is_typing in ((B, True), (B, True), (X, True), (B, False)):
            change = TypingRowChanged(conversation_id=ROOM, user_id=typist.user_id, is_typing=is_typing)
            await w.relay.handle(change)
        assert await carol.typing_seen() == [(B.user.username, True), (B.user.username, False)]


async def test_the_echo_of_an_own_row_starts_nothing() -> None:
    """It comes when the typist may have stopped long ago."""
    async with world() as w:
        bob, carol = await opened(w)
        await bob.ask("typing_start", conversationId=ROOM)
        w.context.typing.take_unwritten()
        await bob.ask("typing_stop", conversationId=ROOM)
        await w.relay.handle(TypingRowChanged(conversation_id=ROOM, user_id=B.user_id, is_typing=True))
        assert await carol.typing_seen() == [(B.user.username, True), (B.user.username, False)]
