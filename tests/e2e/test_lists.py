"""What others and we change about conversations and their members, on the real tables and through Realtime."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import psycopg
import pytest

from bridge.client import WireClient
from scripts.legacy import legacy_client
from scripts.stack import running_sandbox
from tests.e2e.conftest import RunningBridge, running
from tests.e2e.database import Database
from tests.e2e.listening import newcomer, next_push, pushed_so_far

TOLD = ("conversation_added", "conversation_changed", "member_added", "message_received")
"""And not who comes and goes, which depends on other tests."""


@pytest.fixture
async def carol(bridge: RunningBridge) -> AsyncIterator[WireClient]:
    """Be online as carol and join nothing."""
    async with newcomer(bridge, "carol", capabilities=("conversations",)) as client:
        yield client


async def line_of(client: WireClient, conversation_id: str) -> dict[str, Any]:
    """Return the line of the list as a fresh load shows it."""
    lines = [row for row in await client.load_conversations() if row.id == conversation_id]
    return {name: getattr(lines[0], name) for name in lines[0].__struct_fields__}


async def made(how: str, bridge: RunningBridge, database: Database) -> str:
    """Make a conversation of bob and carol in one of the ways there are."""
    bob, carol = database.user("bob"), database.user("carol")
    if how == "WebSocket":
        async with bridge.client("bob") as client:
            return (await client.create_conversation("group", [carol], name="Trip")).id
    if how == "SQL":
        return await database.conversation("bob", "carol")
    conversation_id = str(uuid.uuid4())
    async with legacy_client(bridge.sandbox, str(bridge.sandbox.people["bob"].token)) as legacy:
        row = {"id": conversation_id, "type": "group", "name": "Trip"}  # as the old REST create: nobody made it
        await legacy.insert("conversations", row)
        for user_id in (bob, carol):
            seat = {"conversation_id": conversation_id, "user_id": user_id}
            await legacy.insert("conversation_participants", seat)
    return conversation_id


@pytest.mark.parametrize("how", ["WebSocket", "supabase-js", "SQL"])
async def test_a_new_conversation_appears_before_its_first_message(
    bridge: RunningBridge, database: Database, carol: WireClient, how: str
) -> None:
    """The member is online and has joined nothing (contract F28)."""
    conversation_id = await made(how, bridge, database)
    first = await database.message(conversation_id, "bob", "surprise")
    name, payload = await next_push(carol, of=conversation_id)
    assert (name, payload["conversation"]["conversation_type"]) == ("conversation_added", "group")
    name, payload = await next_push(carol, of=conversation_id)
    assert (name, payload["message"]["id"]) == ("message_received", first)


@pytest.mark.parametrize("how", ["left", "deleted", "with the conversation"])
async def test_whoever_is_removed_is_told_and_hears_no_more(
    bridge: RunningBridge, database: Database, carol: WireClient, how: str
) -> None:
    """By left_at, by a deleted row, or with the whole conversation; back again after rejoining (contract F8)."""
    conversation_id = await database.conversation("bob", "carol")
    await next_push(carol, "conversation_added", of=conversation_id)
    if how == "with the conversation":
        await database.run("delete from conversations where id = %s", conversation_id)
    else:
        await database.remove(conversation_id, "carol", deleted=how == "deleted")
    assert await next_push(carol, of=conversation_id) == ("conversation_removed", {"conversationId": conversation_id})
    if how != "with the conversation":
        await database.message(conversation_id, "bob", "without carol")
        await database.admit(conversation_id, "carol")
        assert (await next_push(carol, of=conversation_id))[0] == "conversation_added"
        again = await database.message(conversation_id, "bob", "welcome back")
        assert (await next_push(carol, of=conversation_id))[1]["message"]["id"] == again


async def test_a_row_deleted_of_an_old_conversation_is_known_from_the_list(
    bridge: RunningBridge, database: Database
) -> None:
    """Of a deleted row Realtime tells the primary key only."""
    conversation_id = await database.conversation("bob", "carol")
    async with newcomer(bridge, "carol", capabilities=("conversations",)) as client:
        await client.load_conversations()
        await database.remove(conversation_id, "carol", deleted=True)
        await next_push(client, "conversation_removed", of=conversation_id)


async def test_a_changed_conversation_is_told_as_a_fresh_list_shows_it(
    bridge: RunningBridge, database: Database, carol: WireClient
) -> None:
    """Name, picture, type and the timer; what shows nowhere is no news."""
    conversation_id = await database.conversation("bob", "carol")
    await next_push(carol, "conversation_added", of=conversation_id)
    for change in (
        "name = 'New', avatar_url = 'https://example.org/a.png'",
        "type = 'room'",
        "disappearing_messages_enabled = true, disappearing_messages_duration_days = 7",
    ):
        await database.run(f"update conversations set {change} where id = %s", conversation_id)
        name, payload = await next_push(carol, of=conversation_id)
        assert name == "conversation_changed"
        assert payload["conversation"] == await line_of(carol, conversation_id)
    assert (await line_of(carol, conversation_id))["disappearing_messages_duration_days"] == 7
    await database.run("update conversations set description = 'x' where id = %s", conversation_id)
    await database.message(conversation_id, "bob", "marker")
    assert (await next_push(carol, of=conversation_id))[0] == "message_received"


async def test_members_are_told_who_comes_and_goes(bridge: RunningBridge, database: Database) -> None:
    """The one who comes too, the one who goes not; with the role, and again when that changes."""
    dave = database.user("dave")
    async with (
        newcomer(bridge, "bob", capabilities=("members",)) as bob,
        newcomer(bridge, "dave", capabilities=("members",)) as new,
        newcomer(bridge, "xavier", capabilities=("members",)) as stranger,
    ):
        room = await database.conversation("bob", "carol")
        for _ in range(2):
            await next_push(bob, "member_added", of=room)
        await database.admit(room, "dave")
        for client in (bob, new):
            _, payload = await next_push(client, of=room)
            assert (payload["conversationId"], payload["role"]) == (room, "member")
            assert payload["user"].keys() == {"id", "username", "display_name", "avatar_url"}
            assert (payload["user"]["id"], payload["user"]["username"]) == (dave, "dave")
        await database.run(
            "update conversation_participants set role = 'admin' where conversation_id = %s and user_id = %s",
            room,
            dave,
        )
        for client in (bob, new):
            name, payload = await next_push(client, of=room)
            assert (name, payload["role"]) == ("member_added", "admin")
        await database.remove(room, "dave")
        assert await next_push(bob, of=room) == ("member_removed", {"conversationId": room, "userId": dave})
        assert await pushed_so_far(new, of=room) == []
        assert await pushed_so_far(stranger, of=room) == []


async def test_our_own_conversation_is_told_on_every_socket_once(bridge: RunningBridge, database: Database) -> None:
    """The creator's others too; the echo of it says nothing new."""
    async with (
        newcomer(bridge, "bob") as bob,
        newcomer(bridge, "bob") as bob_too,
        newcomer(bridge, "carol") as carol,
        newcomer(bridge, "carol", capabilities=("conversations",)) as carol_too,
    ):
        row = await bob.create_conversation("group", [database.user("carol")], name="Trip")
        await bob.send_message(row.id, "hello")
        for client, expected in (
            (bob, ["conversation_added", "member_added", "member_added"]),
            (bob_too, ["conversation_added", "member_added", "member_added"]),
            (carol, ["conversation_added", "member_added", "member_added"]),
            (carol_too, ["conversation_added"]),
        ):
            told = [await next_push(client, *TOLD, of=row.id) for _ in range(len(expected) + 1)]
            assert [name for name, _ in told] == [*expected, "message_received"]  # whether the echo came first or not
        # Its echo comes through the feed in the order of writing: after this one nothing is left of it.
        marker = await database.message(row.id, "carol", "after the echo")
        for client in (bob, bob_too, carol, carol_too):
            name, payload = await next_push(client, *TOLD, of=row.id)
            assert (name, payload.get("message", {}).get("id")) == ("message_received", marker)


async def test_joining_a_group_is_told(bridge: RunningBridge, database: Database) -> None:
    """Its rooms appear, and their members hear who came."""
    async with (
        newcomer(bridge, "bob", capabilities=("members",)) as owner,
        newcomer(bridge, "carol", capabilities=("conversations",)) as carol,
        bridge.client("carol") as joining,
    ):
        group = await owner.create_group("Chess")
        await next_push(owner, "member_added", of=group.room_id)
        await joining.join_group(group.invite_code)
        name, payload = await next_push(carol, of=group.room_id)
        assert (name, payload["conversation"]["group_name"]) == ("conversation_added", "Chess")
        _, payload = await next_push(owner, of=group.room_id)
        assert payload["user"]["id"] == database.user("carol")


async def test_a_direct_conversation_gets_its_name_when_the_other_one_comes(
    bridge: RunningBridge, database: Database, carol: WireClient
) -> None:
    """The two rows are written one after the other."""
    conversation_id = await database.conversation("carol", kind="direct")
    _, payload = await next_push(carol, of=conversation_id)
    assert payload["conversation"]["name"] == "test"
    await database.admit(conversation_id, "bob")
    name, payload = await next_push(carol, of=conversation_id)
    assert (name, payload["conversation"]["name"]) == ("conversation_changed", "Bob Baker")
    assert payload["conversation"] == await line_of(carol, conversation_id)


async def test_a_conversation_with_nobody_in_it_is_no_obstacle(
    bridge: RunningBridge, database: Database, carol: WireClient
) -> None:
    """Nobody made it, nobody is in it; what comes after it is told."""
    await database.conversation()
    conversation_id = await database.conversation("carol")
    await next_push(carol, "conversation_added", of=conversation_id)
    assert bridge.parts.relay.is_live


async def test_a_table_that_is_not_published_spoils_no_other() -> None:
    """Each of the optional tables has a channel of its own."""
    async with (
        running_sandbox(quiet=True) as (sandbox, _),
        await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection,
    ):
        await connection.execute("alter publication supabase_realtime drop table typing_indicators, message_status")
        database = Database(sandbox, connection)
        async with running(sandbox) as bridge, newcomer(bridge, "carol") as carol:
            conversation_id = await database.conversation("bob", "carol")
            await next_push(carol, "conversation_added", of=conversation_id)
            assert await renamed_until_told(database, carol, conversation_id)


async def renamed_until_told(database: Database, client: WireClient, conversation_id: str) -> bool:
    """Rename a conversation until that is told: the optional channels are confirmed later than the others."""
    async with asyncio.timeout(60):
        for number in count():
            await database.run("update conversations set name = %s where id = %s", f"name {number}", conversation_id)
            await asyncio.sleep(0.1)
            if any(name == "conversation_changed" for name, _ in await pushed_so_far(client, of=conversation_id)):
                return True
    return False
