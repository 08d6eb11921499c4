"""What is on the wire, looked at from the clients' side, on every generation of the schema."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from bridge.content import JUNK
from tests.clients.envelopes import Json
from tests.clients.generations import W2
from tests.clients.page import ReadyState
from tests.clients.screens import line_of, texts
from tests.clients.store import ChatStore, RequestFailed
from tests.e2e.clients.company import Company, frames, ids_received, said, settled, told_of
from tests.e2e.clients.conftest import CompanyAt, on
from tests.e2e.conftest import StartBridge
from tests.e2e.database import Database

AWKWARD = [r"back\slash C:\new", r"\x4142", "\\\\", "☺ 👩‍🌾 żółć 北京", JUNK, r'{"v":3,"c":"\\"}', "a\tb\nc ", "0"]
"""What has ever come back as something else (contract F40, F45)."""


def messages_in(store: ChatStore, frame_type: str, conversation_id: str) -> dict[str, Json]:
    """Return a conversation's messages that came in frames of this type, by id."""
    found: dict[str, Json] = {}
    for frame in frames(store, frame_type):
        payload = frame["payload"]
        for one in payload.get("messages") or [payload["message"]]:
            if one["conversation_id"] == conversation_id:
                found[one["id"]] = one
    return found


async def everything_sent(store: W2, conversation_id: str) -> dict[str, str]:
    """Send every awkward text, each a reply to the one before, and return them by id."""
    sent: dict[str, str] = {}
    last: str | None = None
    for text in AWKWARD:
        last = await said(store, conversation_id, text, reply_to=last)
        sent[last] = text
    return sent


async def loaded_back(store: ChatStore, conversation_id: str, last: str) -> dict[str, Json]:
    """Read what is before a message, as no client does."""
    wanted = {"conversationId": conversation_id, "beforeMessageId": last}
    answer = await store.request("load_more_messages", wanted)
    return {one["id"]: one for one in answer["payload"]["messages"]}


@on("db1", "db2", "db3")
async def test_a_message_is_the_same_on_every_path(company: Company, database: Database) -> None:
    """Answered, pushed, loaded, paged and listed, with its original; and it says what was typed (F17, F40, F45)."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await company.w2("bob"), await company.w1("carol")
    sent = await everything_sent(bob, conversation_id)
    *_, last = sent
    await told_of(last, bob, carol)
    await bob.load_messages(conversation_id)
    answered, pushed, pushed_to_carol = (
        messages_in(bob, "message_sent", conversation_id),
        messages_in(bob, "message_received", conversation_id),
        messages_in(carol, "message_received", conversation_id),
    )
    loaded = messages_in(bob, "messages_loaded", conversation_id)
    paged = await loaded_back(carol, conversation_id, last)
    assert {one: message["encrypted_content"] for one, message in answered.items()} == sent
    assert answered == pushed == pushed_to_carol == loaded == {**paged, last: loaded[last]}
    assert [one["reply_to"]["encrypted_content"] for one in list(loaded.values())[1:]] == AWKWARD[:-1]
    await carol.load_conversations()
    assert (line_of(carol, conversation_id).preview, line_of(carol, conversation_id).unread) == (AWKWARD[-1], 8)
    assert await database.texts(conversation_id) == AWKWARD


@on("db1", "db2", "db3")
async def test_metadata_comes_back_on_every_path(company: Company, database: Database) -> None:
    """The original stored {} (contract F21)."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await company.w2("bob"), await company.w1("carol")
    wanted = {"conversationId": conversation_id, "content": "<3", "metadata": {"isAsciiArt": True, "n": [1, None]}}
    sent = (await bob.request("send_message", wanted))["payload"]["message"]
    await told_of(sent["id"], carol)
    await carol.load_messages(conversation_id)
    assert sent["metadata"] == wanted["metadata"]
    assert (
        messages_in(carol, "message_received", conversation_id)
        == messages_in(carol, "messages_loaded", conversation_id)
        == {sent["id"]: sent}
    )
    rows = await database.fetch("select metadata from messages where conversation_id = %s", conversation_id)
    assert rows == [(wanted["metadata"],)]


@pytest.mark.parametrize("metadata", [[True], "text", 7, {"large": "x" * 200_000}], ids=["list", "text", "7", "large"])
async def test_metadata_that_is_no_small_object_is_refused(company: Company, database: Database, metadata: Any) -> None:
    """Under the request's id, and nothing is written (contract F21)."""
    conversation_id = await database.conversation("bob")
    bob = await company.w2("bob")
    wanted = {"conversationId": conversation_id, "content": "x", "metadata": metadata}
    with pytest.raises(RequestFailed) as refused:
        await bob.request("send_message", wanted)
    assert refused.value.code == "INVALID_DATA"
    assert await database.texts(conversation_id) == []


async def test_a_megabyte_of_metadata_is_refused_where_frames_may_be_so_long(
    start_bridge: StartBridge, company_at: CompanyAt, database: Database
) -> None:
    """Under the request's id (contract F21); by default such a frame is never read, and the socket closed with 1009."""
    conversation_id = await database.conversation("bob")
    async with start_bridge(max_frame_characters=2_000_000) as bridge:
        bob = await company_at(bridge.url).w2("bob")
        wanted = {"conversationId": conversation_id, "content": "x", "metadata": {"large": "x" * 1_000_000}}
        with pytest.raises(RequestFailed) as refused:
            await bob.request("send_message", wanted)
        assert refused.value.code == "INVALID_DATA"
        await said(bob, conversation_id, "and it goes on")


async def test_the_senders_pages_get_it_too_after_the_answer(company: Company, database: Database) -> None:
    """Two pages of bob, one of carol: one message_received each, the sender's after its message_sent (F16)."""
    conversation_id = await database.conversation("bob", "carol")
    bob, bob_too, carol = await company.w1("bob"), await company.w2("bob"), await company.w1("carol")
    sent = await said(bob, conversation_id, "once")
    await settled(bob, bob_too, carol)
    for store in (bob, bob_too, carol):
        await told_of(sent, store)
        assert ids_received(store, conversation_id) == [sent]
    order = [frame["type"] for frame in frames(bob, "message_sent", "message_received") if sent in str(frame)]
    assert order == ["message_sent", "message_received"]
    assert frames(bob_too, "message_sent") == frames(carol, "message_sent") == []


@pytest.mark.parametrize("kind", ["w1", "w2"])
async def test_ten_sends_at_once_keep_their_order(company: Company, database: Database, kind: str) -> None:
    """In the answers, on the other's screen, after a load and in the table (contract F24)."""
    conversation_id = await database.conversation("bob", "carol")
    bob = await (company.w1("bob") if kind == "w1" else company.w2("bob"))
    carol = await company.w2("carol")
    await carol.select(conversation_id)
    lines = [f"number {number}" for number in range(10)]
    await asyncio.gather(*(bob.send_message(conversation_id, line) for line in lines))
    answered = list(messages_in(bob, "message_sent", conversation_id).values())
    assert [one["encrypted_content"] for one in answered] == lines
    await told_of(answered[-1]["id"], carol)
    assert texts(carol) == lines
    await carol.load_messages(conversation_id)
    assert texts(carol) == lines
    assert await database.texts(conversation_id) == lines


async def test_a_page_that_does_not_wait_for_its_login(company: Company, database: Database) -> None:
    """Auth, list and messages in one burst: all are answered, in this order (contract F24)."""
    conversation_id = await database.conversation("bob")
    await database.message(conversation_id, "bob", "hello")
    page = await company.page()
    bob = company.watch(W2(page, company.url.removesuffix("/ws")))
    bob.token = company.token("bob")
    socket = bob.open_socket()
    await page.until(lambda: socket.state is ReadyState.OPEN)
    await asyncio.gather(bob.load_conversations(), bob.load_messages(conversation_id))
    answered = [frame["type"] for frame in frames(bob, "auth_success", "conversations_loaded", "messages_loaded")]
    assert answered == ["auth_success", "conversations_loaded", "messages_loaded"]
    assert (texts(bob), bob.state.error) == (["hello"], None)


HOPELESS: dict[str, tuple[str, object, str]] = {
    "a type that nobody listed": ("drop_table", {}, "INVALID_MESSAGE"),
    "a listed type that is no action": ("call_offer", {}, "UNKNOWN_MESSAGE_TYPE"),
    "null as payload": ("load_messages", None, "INVALID_MESSAGE"),
    "a list as payload": ("load_messages", [], "MISSING_CONVERSATION_ID"),
    "a text as payload": ("load_messages", "x", "INVALID_MESSAGE"),
    "nothing named": ("load_messages", {}, "MISSING_CONVERSATION_ID"),
    "a token that is none": ("auth", {"token": "x"}, "INVALID_TOKEN"),
}


@pytest.mark.parametrize("name", HOPELESS)
async def test_no_refusal_leaves_a_page_waiting(company: Company, name: str) -> None:
    """Each is answered at once under its own id: no timer of the page has to ring (contract F23)."""
    frame_type, payload, code = HOPELESS[name]
    bob = await company.w1("bob")
    with pytest.raises(RequestFailed) as refused:
        await bob.request(frame_type, payload)
    assert refused.value.code == code
    await bob.load_conversations()
    assert bob.state.error is None


async def test_opening_a_long_conversation_shows_its_end(company: Company) -> None:
    """The newest fifty of 120; the original showed the oldest (contract F26)."""
    trip = str(company.sandbox.conversations["trip"])
    bob = await company.w2("bob")
    await bob.select(trip)
    assert [str(text).split(".")[0] for text in texts(bob)] == [str(number) for number in range(71, 121)]
    assert frames(bob, "messages_loaded")[0]["payload"]["hasMore"] is True


async def test_messages_of_one_moment_page_without_a_gap(company: Company, database: Database) -> None:
    """Seven rows of equal time, by threes: each once, and the end is said (contract F25, F26)."""
    conversation_id = await database.conversation("bob")
    written = [await database.message(conversation_id, "bob", str(number)) for number in range(7)]
    await database.run("update messages set created_at = now() where conversation_id = %s", conversation_id)
    bob = await company.w2("bob")
    answer = await bob.request("load_messages", {"conversationId": conversation_id, "limit": 3})
    seen: list[str] = []
    while True:
        page = [one["id"] for one in answer["payload"]["messages"]]
        seen = [*page, *seen]
        if not answer["payload"]["hasMore"]:
            break
        wanted = {"conversationId": conversation_id, "beforeMessageId": seen[0], "limit": 3}
        answer = await bob.request("load_more_messages", wanted)
    assert sorted(seen) == seen
    assert sorted(written) == seen


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_legacy_page_with_a_wrong_clock(company: Company, database: Database, hours: int) -> None:
    """Its message is shown live and after a load (contract F25)."""
    conversation_id = await database.conversation("bob", "carol")
    bob, carol = await company.w2("bob"), await company.legacy("carol")
    await bob.select(conversation_id)
    now = (await database.fetch("select now()"))[0][0]
    sent = await said(carol, conversation_id, "what time is it?", at=now + timedelta(hours=hours))
    await told_of(sent, bob)
    assert texts(bob) == ["what time is it?"]
    await bob.load_messages(conversation_id)
    assert texts(bob) == ["what time is it?"]


async def test_a_new_conversation_is_heard_of_from_its_first_message(company: Company, database: Database) -> None:
    """Made at a socket, by SQL, by a legacy page; carol is there and has joined nothing (contract F28)."""
    bob, carol, xavier = await company.w2("bob"), await company.w1("carol"), await company.legacy("xavier")
    made = await bob.create_conversation({"type": "group", "participant_ids": [database.user("carol")]})
    assert made.result is not None
    for conversation_id in (str(made.result["id"]), await database.conversation("bob", "carol")):
        await told_of(await said(bob, conversation_id, "surprise"), carol)
    direct = await xavier.create_direct_conversation(database.user("carol"))
    await told_of(await said(xavier, direct, "by rpc"), carol)
