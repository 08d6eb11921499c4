"""Clients of every generation in one conversation, on one bridge, at the same time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from bridge.content import JUNK
from tests.clients.generations import CONTENT_UNAVAILABLE
from tests.clients.screens import bubbles, line_of, texts
from tests.clients.sealing import Keys, NotForUs
from tests.clients.store import ChatStore
from tests.e2e.clients.company import Company, frames, ids_received, said, settled, shown, told_of
from tests.e2e.clients.conftest import on
from tests.e2e.database import Database

EVERYBODY = ("alice", "bob", "carol", "dave")


async def test_plain_text_clients_of_all_generations(company: Company, database: Database) -> None:
    """W1, W2 and L on DB-1: each sees what the others say, once, live and after a reload (contract F16, F29, F52)."""
    conversation_id = await database.conversation(*EVERYBODY)
    alice, bob, carol = await company.w1("alice"), await company.w2("bob"), await company.legacy("carol")
    dave = await company.w2("dave")
    for store in (alice, bob, dave):
        await store.select(conversation_id)
    await carol.set_active_conversation(conversation_id)
    await carol.subscribe_to_conversation(conversation_id)

    first = await said(alice, conversation_id, "alice at W1")
    await shown("alice at W1", alice, bob, dave)
    await carol.page.until(lambda: len(carol.state.messages) == 1)
    second = await said(bob, conversation_id, "bob at W2", reply_to=first)
    await shown("bob at W2", alice, bob, dave)
    await carol.page.until(lambda: len(carol.state.messages) == 2)
    third = await said(carol, conversation_id, "carol at L", reply_to=second)
    await shown("carol at L", alice, bob, dave)

    everything = ["alice at W1", "bob at W2", "carol at L"]
    for store in (alice, bob, dave):
        await settled(store)
        assert ids_received(store, conversation_id) == [first, second, third]
        assert texts(store) == everything
        assert [bubble.quoted for bubble in bubbles(store.state.messages)] == [None, *everything[:2]]
        await store.load_messages(conversation_id)
        assert texts(store) == everything
        assert [bubble.quoted for bubble in bubbles(store.state.messages)] == [None, *everything[:2]]
    await carol.set_active_conversation(conversation_id)
    assert [bubble.text for bubble in bubbles(carol.state.messages)] == everything
    assert [bubble.quoted for bubble in bubbles(carol.state.messages)] == [None, *everything[:2]]


async def test_what_a_legacy_page_may_not_write_is_written_for_it(company: Company, database: Database) -> None:
    """Its receipts and its typing are refused and nobody is told; it goes on all the same (contract F43)."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await company.w2("bob"), await company.legacy("carol")
    await bob.select(conversation_id)
    await carol.subscribe_to_conversation(conversation_id)
    sent = await said(bob, conversation_id, "read me")
    await carol.page.until(lambda: carol.state.messages)
    await carol.set_active_conversation(conversation_id)
    await carol.set_typing_indicator(conversation_id, is_typing=True)
    assert carol.state.hidden == [403, 403]
    answer = await said(carol, conversation_id, "done", reply_to=sent)
    await shown("done", bob)
    assert ids_received(bob, conversation_id) == [sent, answer]
    assert bob.state.typing_users == []


async def test_typing_at_a_socket_shows_on_a_legacy_page_that_may_see_it(company: Company, database: Database) -> None:
    """A listener to UPDATE sees the first key, too: the row is there before it says true (contract F31)."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await company.w1("bob"), await company.legacy("carol")
    await database.run("create policy seen on typing_indicators for select using (true)")
    try:
        await carol.subscribe_to_conversation(conversation_id)
        await bob.set_typing(conversation_id)
        await carol.page.until(lambda: carol.state.typing_users == [database.user("bob")])
    finally:
        await database.run("drop policy seen on typing_indicators")


async def test_a_stranger_at_a_legacy_page_is_heard_by_nobody(company: Company, database: Database) -> None:
    """PostgREST takes the row, for the policies let anybody write anywhere (contract F7)."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol, xavier = await company.w1("bob"), await company.w2("carol"), await company.legacy("xavier")
    assert (await xavier.send_message(conversation_id, "spam")).success
    after = await said(carol, conversation_id, "a member's")
    await told_of(after, bob, carol)
    for store in (bob, carol):
        await settled(store)
        assert ids_received(store, conversation_id) == [after]


@on("db2")
async def test_plain_text_clients_on_bytea(company: Company, database: Database) -> None:
    """W1 and W2 on DB-2: the same, and what is stored are the bytes of the text."""
    conversation_id = await database.conversation(*EVERYBODY)
    alice, bob, dave = await company.w1("alice"), await company.w2("bob"), await company.w1("dave")
    for store in (alice, bob, dave):
        await store.select(conversation_id)
    sent = [await said(store, conversation_id, f"by {number}") for number, store in enumerate((alice, bob, dave))]
    await database.message(conversation_id, "carol", "by SQL")
    await shown("by SQL", alice, bob, dave)
    for store in (alice, bob, dave):
        await settled(store)
        assert ids_received(store, conversation_id)[:3] == sent
        assert len(ids_received(store, conversation_id)) == 4
        await store.load_messages(conversation_id)
        assert texts(store) == ["by 0", "by 1", "by 2", "by SQL"]
    assert await database.texts(conversation_id) == ["by 0", "by 1", "by 2", "by SQL"]


class Readers:
    """The same people at old and new clients, and what each can open."""

    def __init__(self, company: Company, database: Database) -> None:
        self._company = company
        self._database = database

    def opened(self, name: str, copy: object) -> str:
        """Open a copy with somebody's key."""
        return Keys(self._company.keys, self._database.user(name)).open(str(copy))

    def check(self, name: str, message: dict[str, Any], text: str) -> None:
        """See that a message on the wire is this person's own copy, and no one else's."""
        assert message["content_state"] == "sealed"
        for one in EVERYBODY:
            if one == name:
                assert self.opened(one, message["encrypted_content"]) == text
            else:
                with pytest.raises(NotForUs):
                    self.opened(one, message["encrypted_content"])


def pushed(store: ChatStore, message_id: str) -> dict[str, Any]:
    """Return a message as it was pushed to a page."""
    [found] = [one for one in broadcast_messages(store) if one["id"] == message_id]
    return found


def broadcast_messages(store: ChatStore) -> Sequence[dict[str, Any]]:
    """Return all that were."""
    return [frame["payload"]["message"] for frame in frames(store, "message_received")]


@on("db3")
async def test_sealed_copies_reach_each_recipient_as_its_own(company: Company, database: Database) -> None:
    """W1, W2 and W3 on DB-3, pushed, answered and loaded alike (contract ws-protocol section 11, rule 8)."""
    conversation_id = await database.conversation(*EVERYBODY)
    alice, bob = await company.w1("alice"), await company.w2("bob")
    carol, dave, dave_too = await company.w3("carol"), await company.w3("dave"), await company.w2("dave")
    people = {"alice": alice, "bob": bob, "carol": carol, "dave": dave}
    for store in people.values():
        await store.select(conversation_id)
    readers = Readers(company, database)

    sent = await said(carol, conversation_id, "only for you")
    for name, store in (*people.items(), ("dave", dave_too)):
        await told_of(sent, store)
        readers.check(name, pushed(store, sent), "only for you")
    [answered] = [frame["payload"]["message"] for frame in frames(carol, "message_sent")]
    readers.check("carol", answered, "only for you")
    for name, store in people.items():
        await store.load_messages(conversation_id)
        loaded = frames(store, "messages_loaded")[-1]["payload"]["messages"]
        assert loaded == [pushed(store, sent)]
        readers.check(name, loaded[0], "only for you")
    assert answered == pushed(carol, sent)
    # An old client shows its person's copy as the JSON that it is; the new ones what it says.
    assert texts(carol) == texts(dave) == ["only for you"]
    assert [json.loads(str(texts(store)[0]))["v"] for store in (alice, bob)] == [3, 3]


@on("db3")
async def test_plain_and_sealed_messages_in_one_conversation(company: Company, database: Database) -> None:
    """Each client shows what it can; nothing is missing, nothing is doubled, no member is left out (contract F46)."""
    conversation_id = await database.conversation(*EVERYBODY)
    before = await database.message(conversation_id, "alice", "from DB-2")
    bob, carol, dave = await company.w2("bob"), await company.w3("carol"), await company.w3("dave")
    for store in (bob, carol, dave):
        await store.select(conversation_id)
    plain = await said(bob, conversation_id, "plain")
    sealed = await said(carol, conversation_id, "sealed", reply_to=plain)
    legacy = await database.message(conversation_id, "alice", "by SQL")
    for store in (bob, carol, dave):
        await told_of(legacy, store)
        # The first was written just before they came, and may have been told to some of them.
        assert [one for one in ids_received(store, conversation_id) if one != before] == [plain, sealed, legacy]
        live = texts(store)
        await store.load_messages(conversation_id)
        assert texts(store) == live
        assert [one["id"] for one in store.state.messages] == [before, plain, sealed, legacy]
    assert texts(carol) == texts(dave) == [CONTENT_UNAVAILABLE, CONTENT_UNAVAILABLE, "sealed", CONTENT_UNAVAILABLE]
    assert [text for text in texts(bob) if text and not text.startswith("{")] == ["from DB-2", "plain", "by SQL"]
    assert {bubble.quoted for bubble in bubbles(dave.state.messages)} == {None, "plain"}


@on("db3")
async def test_who_got_no_copy_is_told_that_there_is_something(company: Company, database: Database) -> None:
    """An empty text and a state, never somebody else's copy."""
    conversation_id = await database.conversation("bob", "carol", "dave")
    bob, carol, dave = await company.w2("bob"), await company.w3("carol"), await company.w3("dave")
    copies = {database.user("carol"): company.keys_of("carol").seal("hello", database.user("carol"))}
    answer = await carol.request("send_message", {"conversationId": conversation_id, "encryptedContents": copies})
    sent = answer["payload"]["message"]["id"]
    for store in (bob, dave):
        await told_of(sent, store)
        message = pushed(store, sent)
        assert (message["encrypted_content"], message["content_state"]) == ("", "unavailable")
    await dave.load_messages(conversation_id)
    assert texts(dave) == [CONTENT_UNAVAILABLE]


@on("db3")
async def test_the_apps_own_rows_of_the_last_state(company: Company, database: Database) -> None:
    """Old plain rows and sealed ones are all there, one's own included, and the junk is in no answer (F45, F46)."""
    room = str(company.sandbox.conversations["general"])
    rows = await database.fetch(
        "select m.id::text from messages m where conversation_id = %s and deleted_at is null "
        "and (expires_at is null or expires_at > now()) and not exists (select from message_recipients r "
        "where r.message_id = m.id and r.recipient_user_id = %s and r.expires_at <= now()) "
        "order by created_at desc, id desc limit 50",
        room,
        database.user("bob"),
    )
    for store in (await company.w1("bob"), await company.w2("bob"), await company.w3("bob")):
        await store.load_conversations()
        await store.load_messages(room)
        assert [one["id"] for one in store.state.messages] == [row[0] for row in reversed(rows)]
        mine = [one for one in store.state.messages if one["sender_id"] == database.user("bob")]
        assert mine
        states = [one.get("content_state", "plain") for one in store.state.messages]
        assert set(states) == {"plain", "sealed", "unavailable"}
        assert line_of(store, room).preview != JUNK
        # What was said in the last minute may be told, too, and another test sends these very characters as a text.
        answers = [text for text in store.received_texts if json.loads(text)["type"] != "message_received"]
        assert not any(json.dumps(JUNK)[1:-1] in text for text in answers)
