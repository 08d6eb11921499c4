"""Lost connections, several sockets, typists who vanish: what W1, W2 and W3 make of it (contract F27, F36, F37)."""

from __future__ import annotations

from functools import partial

import pytest

from tests.clients.generations import W1, W2
from tests.clients.page import BrowserSocket, ReadyState
from tests.clients.screens import texts
from tests.clients.store import ChatStore
from tests.e2e.clients.company import Company, frames, ids_received, said, settled, shown, told_of
from tests.e2e.clients.conftest import CompanyAt, on
from tests.e2e.conftest import RunningBridge
from tests.e2e.database import Database

both = pytest.mark.parametrize("kind", ["w1", "w2"])


async def page_of(company: Company, kind: str, name: str) -> W1 | W2:
    """Log somebody in at one of the two that come back."""
    return await company.w1(name) if kind == "w1" else await company.w2(name)


async def cut(store: ChatStore) -> None:
    """Let the network fail, and the page notice."""
    assert store.socket is not None
    socket = store.socket
    socket.cut()
    await store.page.until(lambda: socket.state is ReadyState.CLOSED)


async def back(store: ChatStore) -> None:
    """Let a page that has lost its connection come back, and log in."""
    before = len(frames(store, "auth_success"))
    store.page.timers.advance(1)
    await store.page.until(lambda: len(frames(store, "auth_success")) > before)


@both
async def test_after_a_cut_auth_alone_is_enough(company: Company, database: Database, kind: str) -> None:
    """What is said and typed later arrives, and what was said meanwhile, each shown once (contract F27)."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await page_of(company, kind, "bob"), await company.w2("carol")
    await bob.select(conversation_id)
    before = await said(carol, conversation_id, "before")
    await shown("before", bob)
    await cut(bob)
    away = await said(carol, conversation_id, "while you were away")
    await back(bob)
    assert bob.sent[-1] == "auth"
    later = await said(carol, conversation_id, "and later")
    await shown("and later", bob)
    assert ids_received(bob, conversation_id)[-2:] == [away, later]
    assert texts(bob) == ["before", "while you were away", "and later"]
    await carol.set_typing(conversation_id)
    await bob.page.until(lambda: bob.state.typing_users == [database.user("carol")])
    await bob.load_messages(conversation_id)
    assert [one["id"] for one in bob.state.messages] == [before, away, later]


@both
async def test_two_sockets_opened_at_once(company: Company, database: Database, kind: str) -> None:
    """connect() while connecting: both are told of everything once, the screen shows it once."""
    conversation_id = await database.conversation("bob", "carol")
    carol = await company.w2("carol")
    page = await company.page()
    bob = (W1 if kind == "w1" else W2)(page, company.url.removesuffix("/ws"))
    company.watch(bob)
    page.spawn(bob.connect(company.token("bob")))
    page.spawn(bob.connect(company.token("bob")))
    await page.until(lambda: len(frames(bob, "auth_success")) == 2)
    first, second = bob.sockets
    await bob.select(conversation_id)
    hello = await said(carol, conversation_id, "hello")
    answer = await said(bob, conversation_id, "hello carol")
    for socket in (first, second):
        await page.until(partial(is_told, bob, conversation_id, socket, answer))
        assert ids_received(bob, conversation_id, socket) == [hello, answer]
    assert texts(bob) == ["hello", "hello carol"]
    assert ids_received(carol, conversation_id) == [hello, answer]
    assert bob.failures == []


def is_told(store: ChatStore, conversation_id: str, socket: BrowserSocket, message_id: str) -> bool:
    """Tell whether a message has come through a socket."""
    return message_id in ids_received(store, conversation_id, socket)


@on("db3")
async def test_a_w3_that_lost_its_connection_is_no_loss_to_the_next(company: Company, database: Database) -> None:
    """The page thinks that it is connected; the one that is opened beside it works."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await company.w3("bob"), await company.w3("carol")
    await cut(bob)
    bob_too = await company.w3("bob")
    await bob_too.select(conversation_id)
    sent = await said(carol, conversation_id, "one of you is there")
    await shown("one of you is there", bob_too)
    assert ids_received(bob_too, conversation_id) == [sent]
    assert (bob.state.connected, ids_received(bob, conversation_id)) == (True, [])


@both
async def test_a_socket_that_returns_after_logging_out_harms_nobody(
    company: Company, database: Database, kind: str
) -> None:
    """With the old token it is bob again, hears what bob may hear, and nothing is said in its name (contract F37)."""
    conversation_id = await database.conversation("bob", "carol")
    foreign = await database.conversation("carol", "xavier")
    bob, carol = await page_of(company, kind, "bob"), await company.w2("carol")
    await bob.select(conversation_id)
    bob.disconnect()
    await bob.page.until(lambda: not bob.state.connected)
    await back(bob)
    await settled(carol)
    assert ids_received(carol, conversation_id) == []
    assert frames(carol, "typing_update", "error") == []
    sent = await said(carol, conversation_id, "who is there?")
    await said(carol, foreign, "not for bob")
    await settled(carol, bob)
    assert ids_received(bob, conversation_id) == [sent]
    assert ids_received(bob, foreign) == []


@both
async def test_a_socket_that_returns_with_a_token_that_has_expired(
    company: Company, database: Database, kind: str
) -> None:
    """It is told so once, hears nothing, and does not try again by itself (contract F13)."""
    conversation_id = await database.conversation("bob", "carol")
    page = await company.page()
    bob = (W1 if kind == "w1" else W2)(page, company.url.removesuffix("/ws"))
    company.watch(bob)
    await bob.connect(await database.token_of("bob", lifetime_seconds=-60))
    assert [failure.code for failure in bob.failures] == ["INVALID_TOKEN"]
    carol = await company.w2("carol")
    await said(carol, conversation_id, "not for expired ones")
    page.timers.advance(3600)
    assert (len(bob.sockets), bob.sent, len(bob.received_texts)) == (1, ["auth"], 1)
    await bob.select(conversation_id)
    assert {failure.code for failure in bob.failures[1:]} == {"AUTH_REQUIRED", "UNAUTHORIZED"}


@both
async def test_a_typist_who_is_cut_off_has_stopped(company: Company, database: Database, kind: str) -> None:
    """No typing_stop will ever come from there (contract F36)."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await page_of(company, kind, "bob"), await company.w2("carol")
    await carol.select(conversation_id)
    await bob.set_typing(conversation_id)
    await carol.page.until(lambda: carol.state.typing_users == [database.user("bob")])
    await cut(bob)
    await carol.page.until(lambda: carol.state.typing_users == [])
    assert [one["payload"]["isTyping"] for one in frames(carol, "typing_update")] == [True, False]


async def test_typing_is_for_the_conversation_on_the_screen(company: Company, database: Database) -> None:
    """Carol has opened another one since; dave has not (contract F36)."""
    conversation_id = await database.conversation("bob", "carol", "dave")
    elsewhere = await database.conversation("bob", "carol")
    bob, carol, dave = await company.w1("bob"), await company.w2("carol"), await company.w1("dave")
    await carol.select(conversation_id)
    await carol.select(elsewhere)
    await dave.select(conversation_id)
    await bob.set_typing(conversation_id)
    await dave.page.until(lambda: dave.state.typing_users == [database.user("bob")])
    sent = await said(bob, conversation_id, "sent, so no longer typing")
    await told_of(sent, dave, carol)
    await settled(dave, carol)
    assert dave.state.typing_users == []
    assert frames(carol, "typing_update") == []


async def test_a_keystroke_is_no_write(bridge: RunningBridge, company_at: CompanyAt, database: Database) -> None:
    """Fifty keys at once are one row and one push (contract F31, F36)."""
    company = company_at(bridge.url)
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await company.w1("bob"), await company.w1("carol")
    await carol.select(conversation_id)
    written: list[str] = []

    async def count(request: object) -> None:
        if "typing_indicators" in str(request):
            written.append(str(request))

    bridge.parts.http.event_hooks["request"].append(count)
    for _ in range(50):
        await bob.set_typing(conversation_id)
    bob.page.timers.advance(3)
    await carol.page.until(lambda: carol.state.typing_users == [] and frames(carol, "typing_update"))
    await settled(carol)
    assert [one["payload"]["isTyping"] for one in frames(carol, "typing_update")] == [True, False]
    assert len(written) <= 4


async def test_a_message_arrives_though_its_sender_cannot_be_read(
    bridge: RunningBridge, company_at: CompanyAt, database: Database
) -> None:
    """What SQL wrote is told with sender and original, or without what cannot be read (contract F32)."""
    conversation_id = await database.conversation("carol")
    stranger, _ = await database.new_person()  # nobody has looked at this profile yet
    await database.run(
        "insert into conversation_participants (conversation_id, user_id) values (%s, %s)", conversation_id, stranger
    )
    carol = await company_at(bridge.url).w2("carol")
    await carol.select(conversation_id)
    async with database.faults(data_api={"down": True, "status": 500, "path": "/rest/v1/users"}):
        [(first,)] = await database.fetch(
            "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, 'from nobody') "
            "returning id::text",
            conversation_id,
            stranger,
        )
        await told_of(first, carol)
    second = await database.message(conversation_id, "carol", "from carol", reply_to=first)
    await told_of(second, carol)
    lines = {one["id"]: one for one in carol.state.messages}
    assert lines[first]["sender"] is None
    assert lines[second]["sender"].keys() == {"id", "username", "display_name", "avatar_url"}
    assert lines[second]["sender"]["id"] == database.user("carol")
    assert lines[second]["reply_to"]["encrypted_content"] == "from nobody"
