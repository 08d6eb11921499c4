"""A whole session of each client, from logging in to logging out (contract F37)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.clients.envelopes import Json
from tests.clients.generations import CONTENT_UNAVAILABLE, W2, W3, Reconnecting
from tests.clients.screens import bubbles, line_of, texts
from tests.clients.store import ChatStore
from tests.e2e.clients.company import Company, frames, ids_received, said, settled, shown, told_of
from tests.e2e.database import Database

SENT_BY_EVERY_CLIENT = {
    *("auth", "load_conversations", "join_conversation", "load_messages", "send_message", "typing_start"),
    *("typing_stop", "create_conversation"),
}
"""No client pages back, makes groups, marks as read or pings (contract ws-protocol section 10)."""

WHERE_AND_WHO = [
    ("db1", "w1"),
    ("db1", "w2"),
    ("db2", "w1"),
    ("db2", "w2"),
    ("db3", "w1"),
    ("db3", "w2"),
    ("db3", "w3"),
]
everywhere = pytest.mark.parametrize(("sandbox", "kind"), WHERE_AND_WHO, indirect=["sandbox"])

Client = Any
"""Any of the three; W3's sendMessage takes its arguments in another order."""

once_each = pytest.mark.parametrize(
    ("sandbox", "kind"), [("db1", "w1"), ("db1", "w2"), ("db3", "w3")], indirect=["sandbox"]
)
"""Where the form of what is stored plays no part."""


def enter(company: Company, kind: str) -> Callable[[str], Awaitable[Client]]:
    """Return how people log in at this kind of client."""
    return {"w1": company.w1, "w2": company.w2, "w3": company.w3}[kind]


@everywhere
async def test_opening_shows_what_was_said(company: Company, database: Database, kind: str) -> None:
    """The list with name, preview and count, then the messages; both joins are answered."""
    conversation_id = await database.conversation("bob", "carol", kind="direct")
    await database.message(conversation_id, "carol", "the first")
    hello = await database.message(conversation_id, "carol", "hello")
    bob: ChatStore = await enter(company, kind)("bob")
    await bob.load_conversations()
    line = line_of(bob, conversation_id)
    assert (line.kind, line.name, line.unread) == ("direct", "Carol Chen", 2)
    assert (line.preview, line.author) == ("hello", "carol")
    assert line.at
    await bob.select(conversation_id)
    lines = bubbles(bob.state.messages)
    assert [bubble.author for bubble in lines] == ["Carol Chen"] * 2
    assert lines[-1].id == hello
    # Plain text reaching W3 cannot be opened, and no wire can bridge that.
    assert texts(bob) == ([CONTENT_UNAVAILABLE] * 2 if kind == "w3" else ["the first", "hello"])
    assert bob.sent.count("join_conversation") == 2
    assert len(frames(bob, "conversation_joined")) == 2
    assert (bob.state.active, bob.state.error, bob.failures) == (conversation_id, None, [])
    await bob.load_conversations()
    assert line_of(bob, conversation_id).unread == 0


@everywhere
async def test_talking(company: Company, database: Database, kind: str) -> None:
    """What one says both see, once, each reply above its original."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await enter(company, kind)("bob"), await enter(company, kind)("carol")
    for store in (bob, carol):
        await store.select(conversation_id)
    question = await said(bob, conversation_id, "Tea?")
    await shown("Tea?", bob, carol)
    answer = await said(carol, conversation_id, "Yes please", reply_to=question)
    for store in (bob, carol):
        await shown("Yes please", store)
        reply = bubbles(store.state.messages)[1]
        assert (reply.author, opened(store, reply.quoted)) == ("Carol Chen", "Tea?")
        assert ids_received(store, conversation_id) == [question, answer]
        await store.load_messages(conversation_id)
        assert texts(store) == ["Tea?", "Yes please"]


def opened(store: ChatStore, quoted: str | None) -> str | None:
    """Return what a quote says; to a client that seals it comes as the reader's own copy."""
    return store._keys.open(quoted) if isinstance(store, W3) and quoted else quoted


@once_each
async def test_typing_is_seen_and_ends(company: Company, database: Database, kind: str) -> None:
    """Two stops from the typist's page, one at the other end (contract F36)."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await enter(company, kind)("bob"), await enter(company, kind)("carol")
    await carol.select(conversation_id)
    await bob.set_typing(conversation_id)
    await carol.page.until(lambda: carol.state.typing_users == [database.user("bob")])
    bob.page.timers.advance(3)
    await carol.page.until(lambda: carol.state.typing_users == [])
    await bob.page.until(lambda: len(frames(bob, "typing_stop")) == 2)
    await settled(carol)
    assert [one["payload"]["isTyping"] for one in frames(carol, "typing_update")] == [True, False]
    assert bob.failures == []


@once_each
async def test_coming_and_going_is_told_and_only_logged(company: Company, database: Database, kind: str) -> None:
    """A frame for the room that one has joined; no UI shows who is there (contract F15, F35)."""
    conversation_id = await database.conversation("bob")
    user_id, token = await database.new_person()
    await database.run(
        "insert into conversation_participants (conversation_id, user_id) values (%s, %s)", conversation_id, user_id
    )
    bob = await enter(company, kind)("bob")
    await bob.select(conversation_id)
    somebody = company.watch(W2(await company.page(), company.url.removesuffix("/ws")))
    await somebody.connect(token)
    await bob.page.until(lambda: told_presence(bob, conversation_id) == ["user_online"])
    somebody.page.close()
    await bob.page.until(lambda: told_presence(bob, conversation_id) == ["user_online", "user_offline"])
    assert {frame["payload"]["userId"] for frame in presence_of(bob, conversation_id)} == {user_id}
    assert (bob.state.messages, bob.state.typing_users) == ([], [])


def told_presence(store: ChatStore, conversation_id: str) -> list[str]:
    """Return the types of the presence frames of a conversation."""
    return [frame["type"] for frame in presence_of(store, conversation_id)]


def presence_of(store: ChatStore, conversation_id: str) -> list[Json]:
    """Return the presence frames of a conversation; others come of what the person had open before."""
    about = frames(store, "user_online", "user_offline")
    return [frame for frame in about if frame["payload"]["conversationId"] == conversation_id]


@everywhere
async def test_making_a_conversation(company: Company, database: Database, kind: str) -> None:
    """The documented payload goes out unchanged; the page reads the id, and the list has the new line (F20)."""
    bob, carol = await enter(company, kind)("bob"), await enter(company, kind)("carol")
    wanted = {"type": "group", "name": "Picnic", "participant_ids": [database.user("carol")]}
    made = await bob.create_conversation(wanted)
    assert made.success, bob.failures
    assert made.result["id"] == made.result["conversation"]["id"]
    line = line_of(bob, made.result["id"])
    assert (line.kind, line.name) == ("group", "Picnic")
    first = await said(bob, made.result["id"], "Who brings what?")
    await told_of(first, carol)
    assert set(bob.sent) <= SENT_BY_EVERY_CLIENT


@once_each
async def test_leaving_and_coming_back(company: Company, database: Database, kind: str) -> None:
    """Logged out, W1 and W2 are back after a second with the old token; W3 never is, and thinks it never left."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await enter(company, kind)("bob"), await enter(company, kind)("carol")
    await bob.select(conversation_id)
    bob.disconnect()
    await bob.page.until(lambda: bob.socket.state.name == "CLOSED")
    if not isinstance(bob, Reconnecting):
        bob.page.timers.advance(60)
        assert (bob.state.connected, len(bob.sockets)) == (True, 1)
        assert bob.page.uncaught == ["ReferenceError: after auth", "ReferenceError: on close"]
        assert not (await bob.send_message(conversation_id, "lost")).success
        return
    assert not bob.state.connected
    bob.page.timers.advance(1)
    await bob.page.until(lambda: len(frames(bob, "auth_success")) == 2)
    assert bob.sent[-1] == "auth"
    first = await said(carol, conversation_id, "still there?")
    await shown("still there?", bob)
    await settled(bob, carol)
    assert ids_received(bob, conversation_id) == ids_received(carol, conversation_id) == [first]
