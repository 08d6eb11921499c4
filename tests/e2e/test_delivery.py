"""What a member sees, whichever way a message was written."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from bridge.client import MessageReceived, RequestRefused, WireClient
from bridge.rows import MessageRow
from scripts.legacy import LegacyClient, legacy_client
from scripts.stack import running_sandbox
from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.database import Database

ANSWER_SECONDS = 20.0
KINDS = ["alice", "bob", "dave"]


async def next_message(client: WireClient) -> MessageRow:
    """Return the next message pushed to this client."""
    async with asyncio.timeout(ANSWER_SECONDS):
        async for push in client.pushes():
            if isinstance(push, MessageReceived):
                return push.message
    raise AssertionError("no more pushes")


async def pushed_so_far(client: WireClient) -> list[str]:
    """Return the ids of messages already pushed: a ping's answer comes after whatever was queued before it."""
    await client.ping()
    return [push.message.id for push in client.pushes().waiting if isinstance(push, MessageReceived)]


@pytest.fixture
async def conversation(database: Database) -> str:
    """Return a new conversation of bob, carol, alice and dave."""
    return await database.conversation("bob", "carol", "alice", "dave")


@pytest.fixture
async def legacy_carol(bridge: RunningBridge) -> AsyncIterator[LegacyClient]:
    """Run supabase-js as carol."""
    async with legacy_client(bridge.sandbox, str(bridge.sandbox.people["carol"].token)) as client:
        yield client


async def test_a_legacy_insert_reaches_every_socket_of_every_member_once(
    bridge: RunningBridge, conversation: str, legacy_carol: LegacyClient, database: Database
) -> None:
    """Joined or not, the writer's own sockets included, with sender and text (contract F27, F29, F32)."""
    async with bridge.client("bob") as bob, bridge.client("bob") as bob_too, bridge.client("carol") as carol:
        await bob.join_conversation(conversation)
        row = await legacy_carol.send(conversation, database.user("carol"), "from supabase-js")
        for client in (bob, bob_too, carol):
            message = await next_message(client)
            assert (message.id, message.encrypted_content) == (row["id"], "from supabase-js")
            assert message.sender is not None
            assert message.sender.id == database.user("carol")
        marker = await bob.send_message(conversation, "marker")
        for client in (bob, bob_too, carol):
            assert (await next_message(client)).id == marker.id


async def test_a_send_is_seen_by_a_legacy_reader_live_and_after_reload(
    bridge: RunningBridge, conversation: str, legacy_carol: LegacyClient, database: Database
) -> None:
    """One plain row: that is all a legacy reader sees (contract legacy-supabase section 5)."""
    await legacy_carol.subscribe(conversation)
    async with bridge.client("bob") as bob:
        sent = await bob.send_message(conversation, "from the socket", metadata={"isAsciiArt": True})
    async with asyncio.timeout(ANSWER_SECONDS):
        pushed = await legacy_carol.pushed.get()
    assert pushed.row["id"] == sent.id
    [loaded] = await legacy_carol.load(conversation)
    assert (loaded["id"], loaded["encrypted_content"]) == (sent.id, "from the socket")
    assert loaded["metadata"] == {"isAsciiArt": True}
    assert loaded["sender_id"] == database.user("bob")


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_of_user_lists_sends_and_loads(bridge: RunningBridge, conversation: str, name: str) -> None:
    """A user whose two ids are equal, one whose differ, one without login link: the same (contract F1, F4)."""
    async with bridge.client(name) as client:
        assert conversation in {row.id for row in await client.load_conversations()}
        sent = await client.send_message(conversation, f"I am {name}")
        loaded = (await client.load_messages(conversation)).messages
    assert [message.id for message in loaded] == [sent.id]
    assert sent.sender is not None
    assert sent.sender.id == str(bridge.sandbox.people[name].user_id)


async def test_a_valid_token_without_a_user_is_told_so(bridge: RunningBridge) -> None:
    """E: known to Auth, not to the app."""
    async with bridge.client() as client:
        with pytest.raises(RequestRefused) as refused:
            await client.authenticate(str(bridge.sandbox.people["erin"].token))
    assert refused.value.code == "USER_NOT_FOUND"


async def test_the_sender_gets_its_answer_before_its_own_copy(bridge: RunningBridge, conversation: str) -> None:
    """message_sent, then message_received, once, on the sending socket (contract F16)."""
    async with bridge.client("bob") as bob:
        sent = await bob.send_message(conversation, "hello")
        assert (await next_message(bob)).id == sent.id
        assert await pushed_so_far(bob) == []


@pytest.mark.parametrize("delay_ms", [0, 50, 5000])
async def test_the_echo_of_an_own_write_is_dropped_however_late(
    bridge: RunningBridge, conversation: str, database: Database, delay_ms: int
) -> None:
    """One delivery per message and socket, whichever way it came (contract F29)."""
    async with database.faults(delay_ms=delay_ms), bridge.client("bob") as bob, bridge.client("carol") as carol:
        sent = await bob.send_message(conversation, "once")
        legacy = await database.message(conversation, "carol", "a change behind the echo")
        for client in (bob, carol):
            assert [(await next_message(client)).id, (await next_message(client)).id] == [sent.id, legacy]
            assert await pushed_so_far(client) == []


async def test_ten_sends_in_a_burst_keep_their_order_everywhere(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """In the answers, at another member, in load_messages and in SQL (contract F24)."""
    texts = [f"number {number}" for number in range(10)]
    async with bridge.client("bob") as bob, bridge.client("carol") as carol:
        answers = await asyncio.gather(*(bob.send_message(conversation, text) for text in texts))
        seen = [(await next_message(carol)).encrypted_content for _ in texts]
        loaded = [message.encrypted_content for message in (await bob.load_messages(conversation)).messages]
    assert [answer.encrypted_content for answer in answers] == texts
    assert seen == texts
    assert loaded == texts
    assert await database.texts(conversation) == texts


async def test_strangers_are_refused_alike_for_foreign_unknown_and_malformed_ids(
    bridge: RunningBridge, conversation: str
) -> None:
    """Nobody learns which conversations exist (contract F7, F9)."""
    async with bridge.client("xavier") as stranger, bridge.client("bob") as bob:
        for conversation_id in (conversation, "00000000-0000-4000-8000-000000000000", "nonsense"):
            for attempt in (
                stranger.join_conversation(conversation_id),
                stranger.load_messages(conversation_id),
                stranger.send_message(conversation_id, "let me in"),
            ):
                with pytest.raises(RequestRefused) as refused:
                    await attempt
                assert (refused.value.code, refused.value.text) == ("ACCESS_DENIED", "Access denied to conversation")
        await bob.send_message(conversation, "private")
        await next_message(bob)
        assert await pushed_so_far(stranger) == []


async def test_what_a_stranger_inserts_past_the_bridge_reaches_nobody(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """Row-level security lets anybody insert anywhere; members do not see it (contract F7)."""
    async with bridge.client("bob") as bob, bridge.client("xavier") as stranger:
        await database.message(conversation, "xavier", "spam")
        after = await database.message(conversation, "carol", "a member's")
        assert (await next_message(bob)).id == after
        assert await pushed_so_far(stranger) == []


@pytest.mark.parametrize("how", ["left", "deleted"])
async def test_a_removed_member_is_out_at_once(
    bridge: RunningBridge, conversation: str, database: Database, how: str
) -> None:
    """With the socket open: no further frame, every action refused; back again after rejoining (contract F8)."""
    async with bridge.client("bob") as bob, bridge.client("carol") as carol:
        await bob.send_message(conversation, "both are here")
        await next_message(bob)
        await next_message(carol)
        await database.remove(conversation, "carol", deleted=how == "deleted")
        await bridge_notices(bridge, conversation, database.user("carol"), member=False)
        await bob.send_message(conversation, "without carol")
        await next_message(bob)
        assert await pushed_so_far(carol) == []
        with pytest.raises(RequestRefused):
            await carol.load_messages(conversation)
        await database.admit(conversation, "carol")
        await bridge_notices(bridge, conversation, database.user("carol"), member=True)
        again = await bob.send_message(conversation, "welcome back")
        assert (await next_message(carol)).id == again.id


async def bridge_notices(bridge: RunningBridge, conversation: str, user_id: str, *, member: bool) -> None:
    """Wait until the change of membership has come through the feed."""
    async with asyncio.timeout(ANSWER_SECONDS):
        while True:
            known = await bridge.parts.context.members.of(conversation)  # type: ignore[arg-type]  # a plain id
            if (user_id in known) is member:
                return
            await asyncio.sleep(0.01)


async def test_a_new_conversation_written_by_others_is_delivered_from_its_first_message(
    bridge: RunningBridge, database: Database
) -> None:
    """The member is online and has joined nothing (contract F28)."""
    async with bridge.client("carol") as carol:
        conversation_id = await database.conversation("bob", "carol")
        first = await database.message(conversation_id, "bob", "surprise")
        assert (await next_message(carol)).id == first


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_browser_clock_an_hour_wrong_does_not_lose_a_message(
    bridge: RunningBridge, conversation: str, database: Database, hours: int
) -> None:
    """Delivered and loadable (contract F25)."""
    async with bridge.client("carol") as carol:
        at = datetime.now(UTC) + timedelta(hours=hours)
        written = await database.message(conversation, "bob", "skewed", created_at=at)
        assert (await next_message(carol)).id == written
        assert [message.id for message in (await carol.load_messages(conversation)).messages] == [written]


async def test_what_was_written_while_realtime_was_gone_is_caught_up_once(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """The connection is cut, rows are written, the feed comes back: each is delivered once (contract F30)."""
    async with bridge.client("carol") as carol:
        async with database.faults(refuse_connect=503):
            await database.drop_realtime()
            await bridge_is_deaf(bridge)
            missed = await database.message(conversation, "bob", "while you were away")
        assert (await next_message(carol)).id == missed
        later = await database.message(conversation, "bob", "and later")
        assert (await next_message(carol)).id == later


async def bridge_is_deaf(bridge: RunningBridge) -> None:
    """Wait until the bridge has noticed that changes no longer arrive."""
    async with asyncio.timeout(ANSWER_SECONDS):
        while bridge.parts.relay.is_live:  # noqa: ASYNC110  # the bridge has no event for it, and needs none
            await asyncio.sleep(0.01)


async def test_changes_withheld_silently_are_found_in_the_tables(
    bridge: RunningBridge, conversation: str, database: Database
) -> None:
    """Nothing tells that a change was lost; the reconciliation finds it all the same (contract F30)."""
    async with bridge.client("carol") as carol:
        async with database.faults(withhold=["messages"]):
            lost = await database.message(conversation, "bob", "never told")
            await bridge.parts.relay.catch_up()
        assert (await next_message(carol)).id == lost


async def test_tokens_signed_with_a_published_key_are_accepted(start_bridge: StartBridge) -> None:
    """ES256 through the project's JWKS, without any shared secret."""
    async with (
        running_sandbox(["--signing", "es256"], quiet=True) as (sandbox, _),
        start_bridge(supabase_url=sandbox.url, supabase_secret_key=sandbox.secret_key, supabase_jwt_secret=None) as own,
        own.client() as client,
    ):
        user = (await client.authenticate(str(sandbox.people["bob"].token))).user
        assert user.id == str(sandbox.people["bob"].user_id)
