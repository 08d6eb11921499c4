"""After a reconnect authentication is enough: what was open is open again."""

from __future__ import annotations

from tests.people import ROOM, A, B, C, participant
from tests.world import world


async def test_after_a_reconnect_authentication_is_enough() -> None:
    """W1 and W2 never join again (contract F27): what was missed arrives, and what comes after it."""
    async with world() as w:
        b, c = await w.signed_in(B), await w.signed_in(C)
        await c.ask("join_conversation", conversationId=ROOM)
        c.connection.close()
        await b.ask("send_message", conversationId=ROOM, content="missed")
        assert await c.received() == []
        again = await w.signed_in(C)
        await b.ask("send_message", conversationId=ROOM, content="live")
        assert await again.received() == ["missed", "live"]
        page = await again.ask("load_messages", conversationId=ROOM)
        assert [row["encrypted_content"] for row in page.payload["messages"]] == ["missed", "live"]


async def test_after_a_reconnect_typing_is_seen_again() -> None:
    """What the connection that was lost had open is open on the one that comes instead (contract F27)."""
    async with world() as w:
        a, b = await w.signed_in(A), await w.signed_in(B)
        await b.ask("join_conversation", conversationId=ROOM)
        b.vanish()
        back, another = await w.signed_in(B), await w.signed_in(B)
        await a.ask("typing_start", conversationId=ROOM)
        assert await back.typing_seen() == [("a", True)]
        assert await another.typing_seen() == []


async def test_what_was_resumed_can_be_left_and_what_is_joined_comes_first() -> None:
    """As if it had been joined here."""
    async with world() as w:
        a, b = await w.signed_in(A), await w.signed_in(B)
        await b.ask("join_conversation", conversationId=ROOM)
        b.vanish()
        back = await w.signed_in(B)
        await back.ask("leave_conversation", conversationId=ROOM)
        await a.ask("typing_start", conversationId=ROOM)
        assert await back.typing_seen() == []
        back.vanish()
        await a.ask("typing_stop", conversationId=ROOM)
        again = await w.signed_in(B)
        await a.ask("typing_start", conversationId=ROOM)
        assert await again.typing_seen() == []


async def test_what_was_resumed_gives_no_rights() -> None:
    """Who is a member is looked at when it matters."""
    async with world() as w:
        a, b = await w.signed_in(A), await w.signed_in(B)
        await b.ask("join_conversation", conversationId=ROOM)
        b.vanish()
        gone = participant(B, left=True)
        w.tables.rows[gone.id] = gone
        w.context.members.changed(gone)
        back = await w.signed_in(B)
        await a.ask("typing_start", conversationId=ROOM)
        await a.ask("send_message", conversationId=ROOM, content="among ourselves")
        assert await back.typing_seen() == []
        assert await back.received() == []


async def test_authenticating_again_on_an_open_connection_takes_up_nothing() -> None:
    """It has its own; what another one left is for the next that comes."""
    async with world() as w:
        a, b, other = await w.signed_in(A), await w.signed_in(B), await w.signed_in(B)
        await other.ask("join_conversation", conversationId=ROOM)
        other.vanish()
        await b.authenticate(B)
        back = await w.signed_in(B)
        await a.ask("typing_start", conversationId=ROOM)
        assert (await b.typing_seen(), await back.typing_seen()) == ([], [("a", True)])
