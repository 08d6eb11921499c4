"""The acted clients take, drop and forget what the contract says: an instrument that misses nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.client.scripted import Peer, Script, as_wire, message, scripted
from tests.clients.generations import CONTENT_UNAVAILABLE, W1, W2, W3, Reconnecting
from tests.clients.page import Page, open_page
from tests.clients.screens import sidebar, texts
from tests.clients.sealing import Keys, KeyServer
from tests.clients.store import ChatStore

KINDS = ["w1", "w2", "w3"]
KEYS = KeyServer()


async def both(conversation_id: str) -> list[str]:
    """Name who is in every conversation of these tests."""
    return ["u-bob", "u-carol"]


def made(kind: str, page: Page, url: str) -> Any:
    """Return bob's store at a server."""
    server = url.removesuffix("/ws")
    if kind == "w3":
        return W3(page, server, Keys(KEYS, "u-bob"), both)
    return (W1 if kind == "w1" else W2)(page, server)


@asynccontextmanager
async def logged_in(kind: str, script: Script) -> AsyncIterator[Any]:
    """Log in at a server that then follows a script, until the client leaves."""

    async def login_and(peer: Peer) -> None:
        await peer.accept_login()
        await script(peer)
        await peer.until_closed()

    async with scripted(login_and) as server, open_page() as page:
        store = made(kind, page, server.url)
        await store.connect("the token")
        assert store.state.user["id"] == "u-bob"
        yield store


def frame(kind: object = "message_received", request_id: object = "r", timestamp: object = "t", **more: object) -> str:
    """Return a push of a message; what is given replaces what would be right."""
    payload = {"message": as_wire(message(1))}
    return json.dumps({"type": kind, "payload": payload, "requestId": request_id, "timestamp": timestamp, **more})


def without(name: str) -> str:
    """Return the frame without a field."""
    return json.dumps({field: value for field, value in json.loads(frame()).items() if field != name})


FRAMES: dict[str, tuple[str, str]] = {
    "a fresh uuid": (frame(), "w1 w2 w3"),
    "a list as payload": (frame(payload=[], kind="user_online"), "w1 w2 w3"),
    "null as request id": (frame(request_id=None), "w2 w3"),
    "no request id": (without("requestId"), ""),
    "an empty request id": (frame(request_id=""), "w2 w3"),
    "a number as request id": (frame(request_id=7), ""),
    "no timestamp": (without("timestamp"), ""),
    "an empty timestamp": (frame(timestamp=""), ""),
    "null as payload": (frame(payload=None), ""),
    "a type of step 11": (frame(kind="key_init", payload={}), "w3"),
    "a type of step 14": (frame(kind="call_offer", payload={}), "w3"),
    "a type of the bridge's own": (frame(kind="messages_read", payload={}), ""),
    "no JSON": ("{", ""),
}
"""And who takes it (contract ws-protocol sections 2 and 3, F15, F18)."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", FRAMES)
async def test_a_frame_is_taken_or_dropped_without_a_word(name: str, kind: str) -> None:
    """By the generation's own validator."""
    text, taken_by = FRAMES[name]

    async def script(peer: Peer) -> None:
        await peer.raw(text)

    async with logged_in(kind, script) as store:
        await store.page.until(lambda: len(store.received_texts) == 2)
        assert store.dropped == ([] if kind in taken_by.split() else [text])


@pytest.mark.parametrize("kind", ["w1", "w2"])
async def test_messages_are_shown_in_their_conversation_once(kind: str) -> None:
    """A load replaces, a push appends, an answer to a send does neither."""

    async def script(peer: Peer) -> None:
        for _ in range(2 if kind == "w1" else 1):
            if kind == "w1":
                await peer.reply(await peer.command("join_conversation"), "conversation_joined", {})
            await peer.reply(await peer.command("load_messages"), "messages_loaded", {"messages": [message(1)]})
        await peer.reply(await peer.command("send_message"), "message_sent", {"message": message(2)})
        for number, conversation in ((1, "c1"), (3, "c1"), (4, "c2"), (3, "c1")):
            await peer.push(message(number, conversation=conversation))

    async with logged_in(kind, script) as store:
        await (store.select("c1") if kind == "w1" else store.load_messages("c1"))
        returned = await store.send_message("c1", "hello")
        assert returned.result["id"] == "m2"
        await store.page.until(lambda: len(store.broadcasts) == 4)
        assert [one["id"] for one in store.state.messages] == ["m1", "m3"]
        assert store.state.active == "c1"


@pytest.mark.parametrize("kind", KINDS)
async def test_typing_anywhere_shows_and_only_a_load_or_a_stop_ends_it(kind: str) -> None:
    """The conversation of a typing_update is not looked at."""

    async def script(peer: Peer) -> None:
        for user_id, is_typing in (("u-ann", True), ("u-carol", True), ("u-ann", True), ("u-carol", False)):
            update = {"conversationId": "c9", "userId": user_id, "username": "x", "isTyping": is_typing}
            await peer.send("typing_update", update, "r")
        await peer.reply(await peer.command("load_messages"), "messages_loaded", {"messages": []})

    async with logged_in(kind, script) as store:
        await store.page.until(lambda: len(store.broadcasts) == 4)
        assert store.state.typing_users == ["u-ann"]
        store.page.timers.advance(3600)
        assert store.state.typing_users == ["u-ann"]
        await store.load_messages("c1")
        assert store.state.typing_users == []


async def nothing(peer: Peer) -> None:
    """Answer nothing more."""


@pytest.mark.parametrize("kind", KINDS)
async def test_a_request_without_answer_hangs_for_half_a_minute(kind: str) -> None:
    """Also when the socket is gone: nothing settles it before (contract F23)."""

    async def script(peer: Peer) -> None:
        await peer.command("load_conversations")
        peer.drop()

    async with logged_in(kind, script) as store:
        loading = asyncio.ensure_future(store.load_conversations())
        await store.page.until(lambda: store.socket.state.name == "CLOSED")
        store.page.timers.advance(29)
        assert store.state.loading
        store.page.timers.advance(1)
        await loading
        assert (store.state.loading, store.state.error) == (False, "Failed to load conversations")
        assert "Request timeout" in {failure.text for failure in store.failures}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_failure_is_a_sentence_of_the_clients_own(kind: str) -> None:
    """Neither code nor text of the server is shown."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.refuse(await peer.command(), "ACCESS_DENIED", "Access denied to conversation")

    async with logged_in(kind, script) as store:
        for attempt, sentence in (
            (store.load_conversations, "Failed to load conversations"),
            (lambda: ChatStore.join_conversation(store, "c1"), "Failed to join conversation"),
            (lambda: store.load_messages("c1"), "Failed to load messages"),
        ):
            await attempt()
            assert store.state.error == sentence
        assert (await store.send_message("c1", "x")).error == "Failed to send message"
        assert (await store.create_conversation({})).error == "Failed to create conversation"
        assert {failure.code for failure in store.failures} == {"ACCESS_DENIED"}


@pytest.mark.parametrize("kind", KINDS)
async def test_without_an_open_socket_a_request_fails_at_once(kind: str) -> None:
    """And nothing is kept for later."""
    async with open_page() as page:
        store = made(kind, page, "ws://127.0.0.1:9")
        await store.load_messages("c1")
        assert [failure.text for failure in store.failures] == ["WebSocket not connected"]


async def refuse_login(peer: Peer) -> None:
    """Answer as to a token that has expired."""
    await peer.refuse(await peer.command("auth"), "INVALID_TOKEN", "Invalid or expired token")


async def test_a_refused_login_leaves_the_socket_open() -> None:
    """The page says that authentication failed, and tries nothing more."""

    async def script(peer: Peer) -> None:
        await refuse_login(peer)
        await peer.until_closed()

    async with scripted(script) as server, open_page() as page:
        store = made("w2", page, server.url)
        await store.connect("an old token")
        page.timers.advance(3600)
        assert (store.state.error, store.state.connected) == ("Authentication failed", True)
        assert (store.sent, len(store.sockets)) == (["auth"], 1)


def row(**columns: object) -> Any:
    """Return a line of the list with only these columns."""
    return {"unread_count": 3, "group_id": None, **columns}


@pytest.mark.parametrize(("kind", "reads"), [("w1", "old"), ("w2", "new"), ("w3", "new")])
async def test_each_sidebar_reads_its_own_names(kind: str, reads: str) -> None:
    """Where a server sends only the other set, the line is empty."""
    names: dict[str, Callable[[], Any]] = {
        "old": lambda: row(conversation_id="c1", conversation_name="Ann", latest_message_content="hi"),
        "new": lambda: row(id="c1", name="Ann", last_message_content="hi"),
    }

    async def script(peer: Peer) -> None:
        rows = [names["old"](), names["new"]()]
        await peer.reply(await peer.command("load_conversations"), "conversations_loaded", {"conversations": rows})

    async with logged_in(kind, script) as store:
        await store.load_conversations()
        lines = {"old": sidebar(store)[0], "new": sidebar(store)[1]}
        line = lines.pop(reads)
        assert (line.id, line.name, line.preview, line.unread) == ("c1", "Ann", "hi", 3)
        (other,) = lines.values()
        assert (other.id, other.name, other.preview, other.unread) == (None, None, None, 3)


async def test_w3_opens_its_copies_and_nothing_else() -> None:
    """Loaded and pushed alike; its own plain text is shown when the answer cannot be opened."""
    for_bob = Keys(KEYS, "u-carol").seal("secret", "u-bob")

    async def script(peer: Peer) -> None:
        page = [message(1, content=for_bob), message(2, content="plain")]
        await peer.reply(await peer.command("load_messages"), "messages_loaded", {"messages": page})
        await peer.push(message(3, content=for_bob))
        sent = await peer.command("send_message")
        copies = sent.payload["encryptedContents"]
        assert isinstance(copies, dict)
        assert copies.keys() == {"u-bob", "u-carol"}
        await peer.reply(sent, "message_sent", {"message": message(4, content="7b7d")})

    async with logged_in("w3", script) as store:
        await store.load_messages("c1")
        await store.page.until(lambda: len(store.state.messages) == 3)
        assert texts(store) == ["secret", CONTENT_UNAVAILABLE, "secret"]
        assert (await store.send_message("c1", "typed")).result["encrypted_content"] == "typed"


async def test_w3_reloads_when_it_is_told_to() -> None:
    """The conversation on the screen, or else the list; the message in the frame is not used."""

    async def script(peer: Peer) -> None:
        await peer.reply(await peer.command("load_messages"), "messages_loaded", {"messages": []})
        for conversation, expected in (("c1", "load_messages"), ("c2", "load_conversations")):
            push = {"message": message(1, conversation=conversation), "shouldReloadMessages": True}
            await peer.send("message_received", push, "r")
            await peer.command(expected)

    async with logged_in("w3", script) as store:
        await store.load_messages("c1")
        await store.page.until(lambda: store.sent[-1] == "load_conversations")
        assert store.state.messages == []


def test_only_two_of_them_come_back() -> None:
    """W3 never does."""
    assert issubclass(W1, Reconnecting)
    assert issubclass(W2, Reconnecting)
    assert not issubclass(W3, Reconnecting)
