"""Conversations and groups made through the bridge, on the real tables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from bridge.client import RequestRefused, WireClient
from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.database import Database
from tests.e2e.test_delivery import KINDS, next_message

ROUNDS = 20

TRIGGERS = {
    "step 9": "insert into public.conversation_participants (conversation_id, user_id, role) "
    "values (new.id, new.created_by, 'admin') on conflict do nothing;",
    "step 10": "begin insert into public.conversation_participants (conversation_id, user_id, role) "
    "values (new.id, new.created_by, 'admin') "
    "on conflict (conversation_id, user_id) do update set left_at = null; exception when others then null; end;",
}
"""What the app's later generations do when a conversation is made (contract data-model section 7)."""

COUNTS = (
    "select (select count(*) from conversations), (select count(*) from conversation_participants), "
    "(select count(*) from groups), (select count(*) from group_members)"
)


async def create(client: WireClient, **payload: object) -> dict[str, Any]:
    """Send create_conversation with exactly this payload."""
    reply: dict[str, Any] = msgspec.json.decode(await client.request("create_conversation", payload))
    assert reply["id"] == reply["conversation_id"] == reply["conversation"]["id"]
    return reply


async def refused(client: WireClient, **payload: object) -> tuple[str, str]:
    """Send create_conversation and return code and text of the refusal."""
    with pytest.raises(RequestRefused) as caught:
        await create(client, **payload)
    return caught.value.code, caught.value.text


@asynccontextmanager
async def creator_trigger(database: Database, body: str) -> AsyncIterator[None]:
    """Add creators by a trigger until the block ends."""
    await database.run(
        "create function public.add_creator() returns trigger language plpgsql as "
        f"$$ begin if new.created_by is not null then {body} end if; return new; end $$"
    )
    await database.run(
        "create trigger add_creator after insert on public.conversations "
        "for each row execute function public.add_creator()"
    )
    try:
        yield
    finally:
        await database.run("drop function public.add_creator() cascade")


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_of_user_makes_conversations(bridge: RunningBridge, database: Database, name: str) -> None:
    """In both shapes, with ids of either kind; its first message reaches an open socket that has joined nothing.

    Contract F1, F2, F20, F28.
    """
    frank = bridge.sandbox.people["frank"]
    other, token = await database.new_person()
    async with bridge.client(name) as client, bridge.client() as others:
        await others.authenticate(token)
        direct = await create(client, participantIds=[other])
        again = await create(client, type="direct", participant_ids=[other.upper()])
        assert direct["id"] == again["id"]
        assert direct["conversation"]["created_by"] == database.user(name)
        assert await database.members(direct["id"]) == {database.user(name): "admin", other: "member"}
        for payload in (
            {"participantIds": [other, str(frank.auth_id)], "name": "Trip", "isGroup": True},
            {"type": "group", "participant_ids": [str(frank.auth_id), other, other], "name": "Trip"},
        ):
            made = await create(client, **payload)
            assert set(await database.members(made["id"])) == {database.user(name), other, str(frank.user_id)}
            first = await client.send_message(made["id"], "hello")
            assert (await next_message(others)).id == first.id


async def test_both_ask_for_each_other_at_once(
    bridge: RunningBridge, start_bridge: StartBridge, database: Database
) -> None:
    """Through two bridges, twenty times: one direct conversation, exactly these two, made by one of them (F2)."""
    async with start_bridge() as second, bridge.client() as one, second.client() as other:
        for _ in range(ROUNDS):
            (ann, anns), (bob, bobs) = await database.new_person(), await database.new_person()
            await one.authenticate(anns)
            await other.authenticate(bobs)
            made = await asyncio.gather(
                *(create(one, participantIds=[bob]) for _ in range(2)),
                *(create(other, type="direct", participant_ids=[ann]) for _ in range(2)),
            )
            rows = await database.fetch(
                "select c.id::text, c.created_by::text, c.type from conversations c where exists "
                "(select 1 from conversation_participants p where p.conversation_id = c.id and p.user_id in (%s, %s))",
                ann,
                bob,
            )
            assert [row[0] for row in rows] == [made[0]["id"]]
            assert {reply["id"] for reply in made} == {made[0]["id"]}
            assert rows[0][1] in (ann, bob)
            assert rows[0][2] == "direct"
            assert set(await database.members(made[0]["id"])) == {ann, bob}


async def test_the_sample_conversation_is_found(bridge: RunningBridge) -> None:
    """A legacy one, whoever of the two asks."""
    people = bridge.sandbox.people
    for name, other in (("bob", "dave"), ("dave", "bob")):
        async with bridge.client(name) as client:
            row = await client.create_conversation("direct", [str(people[other].user_id)])
        assert row.id == str(bridge.sandbox.conversations["bob-dave"])


@pytest.mark.parametrize("step", TRIGGERS)
async def test_a_trigger_that_adds_the_creator_is_no_obstacle(
    bridge: RunningBridge, database: Database, step: str
) -> None:
    """One row for the creator; a failure leaves nothing either (contract F3)."""
    other, _ = await database.new_person()
    async with creator_trigger(database, TRIGGERS[step]), bridge.client("bob") as bob:
        for payload in ({"participantIds": [other]}, {"type": "room", "participant_ids": [other]}):
            made = await create(bob, **payload)
            assert await database.members(made["id"]) == {database.user("bob"): "admin", other: "member"}
        group = await bob.create_group("Chess")
        assert await database.members(group.room_id) == {database.user("bob"): "admin"}
        await nothing_remains(database, bob, await database.new_person())


@pytest.mark.parametrize("name", KINDS)
async def test_a_direct_conversation_with_only_oneself_is_refused(bridge: RunningBridge, name: str) -> None:
    """By users.id and by auth id, in both shapes; never somebody else's conversation (contract F5)."""
    me = bridge.sandbox.people[name]
    async with bridge.client(name) as client:
        for one in (str(me.user_id), str(me.auth_id)):
            for payload in ({"participantIds": [one]}, {"type": "direct", "participant_ids": [one]}):
                told = await refused(client, **payload)
                assert told == ("INVALID_DATA", "A direct conversation needs another person")


@pytest.mark.parametrize("fault", ["fail_next", "lose_next"])
async def test_a_failure_of_a_later_step_leaves_no_orphan(
    bridge: RunningBridge, database: Database, fault: str
) -> None:
    """Not carried out, or carried out with its answer lost; the next attempt works (contract F49)."""
    async with bridge.client("bob") as bob:
        await nothing_remains(database, bob, await database.new_person(), fault)


async def nothing_remains(
    database: Database, bob: WireClient, other: tuple[str, str], fault: str = "fail_next"
) -> None:
    """Let participants fail for every kind of making, and see that the tables are as before."""
    attempts: tuple[tuple[str, dict[str, object]], ...] = (
        ("create_conversation", {"type": "group", "participant_ids": [other[0]]}),
        ("create_conversation", {"participantIds": [other[0]]}),
        ("create_group", {"name": "Chess"}),
    )
    for action, payload in attempts:
        before = await database.fetch(COUNTS)
        switches = {fault: 10, "path": "/rest/v1/conversation_participants", "status": 500}
        async with database.faults(data_api=switches):
            with pytest.raises(RequestRefused) as caught:
                await bob.request(action, payload)
        assert caught.value.code == "DATABASE_ERROR"
        assert await database.fetch(COUNTS) == before
        await bob.request(action, payload)


async def test_an_id_of_nobody_makes_nothing(bridge: RunningBridge, database: Database) -> None:
    """Unknown, malformed, an account without a user: the fixed text (contract F11, F49)."""
    before = await database.fetch(COUNTS)
    erin = str(bridge.sandbox.people["erin"].auth_id)
    async with bridge.client("bob") as bob:
        for one in (erin, "nonsense", "00000000-0000-4000-8000-000000000000"):
            told = await refused(bob, participantIds=[one, database.user("carol"), database.user("alice")])
            assert told == ("DATABASE_ERROR", "Failed to add participants")
        told = await refused(bob, participantIds=[f"{number}" for number in range(10_000)])
        assert told == ("INVALID_DATA", "Too many participants")
        assert (await refused(bob, participantIds=[], type="group", name="\0"))[0] == "DATABASE_ERROR"
    assert await database.fetch(COUNTS) == before


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_of_user_makes_joins_and_lists_groups(
    bridge: RunningBridge, database: Database, name: str
) -> None:
    """By a valid code, a private group too; messages in its rooms arrive (contract F22, F42)."""
    async with bridge.client("xavier") as owner, bridge.client(name) as client:
        made = await owner.create_group("Chess", description="Every Friday")
        joined = await client.join_group(made.invite_code.lower())
        assert (joined.success, joined.group_id, joined.room_ids) == (True, made.group_id, (made.room_id,))
        again = await client.join_group(made.invite_code)
        assert (again.success, again.message) == (True, "Already a member of this group")
        line = next(row for row in await client.load_groups() if row.group_id == made.group_id)
        assert (line.user_role, line.room_count, line.member_count) == ("member", 1, 2)
        first = await owner.send_message(made.room_id, "welcome")
        assert (await next_message(client)).id == first.id
        assert (await client.load_groups())[0].group_id == made.group_id
        own = await client.create_group("Mine")
        assert await database.members(own.room_id) == {database.user(name): "admin"}
        with pytest.raises(RequestRefused) as caught:
            await client.join_group("00000000")
        assert (caught.value.code, caught.value.text) == ("INVALID_DATA", "Invalid invite code")


@asynccontextmanager
async def refusing(database: Database, condition: str) -> AsyncIterator[None]:
    """Let the table of participants refuse new rows of which this is not true, until the block ends."""
    await database.run(f"alter table conversation_participants add constraint refusing check ({condition}) not valid")
    try:
        yield
    finally:
        await database.run("alter table conversation_participants drop constraint refusing")


async def test_a_participant_that_the_database_refuses_leaves_no_orphan(
    bridge: RunningBridge, database: Database
) -> None:
    """The last step of a direct conversation and of a room (contract F3, F49)."""
    other, _ = await database.new_person()
    before = await database.fetch(COUNTS)
    async with bridge.client("bob") as bob:
        async with refusing(database, f"user_id <> '{other}'"):
            for payload in ({"participantIds": [other]}, {"type": "room", "participant_ids": [other]}):
                assert await refused(bob, **payload) == ("DATABASE_ERROR", "Failed to add participants")
                assert await database.fetch(COUNTS) == before
        assert other in await database.members((await create(bob, participantIds=[other]))["id"])


@pytest.mark.parametrize("was", ["stranger", "former member"])
async def test_a_failure_while_joining_leaves_one_outside(bridge: RunningBridge, database: Database, was: str) -> None:
    """Outside the group too, since when one was before (contract F49)."""
    bobs = database.user("bob")
    state = "select left_at from group_members where group_id = %s and user_id = %s"
    async with bridge.client("xavier") as owner, bridge.client("bob") as bob:
        made = await owner.create_group("Chess")
        if was == "former member":
            await database.run(
                "insert into group_members (group_id, user_id, left_at) values (%s, %s, '2020-01-01')",
                made.group_id,
                bobs,
            )
        before = await database.fetch(COUNTS), await database.fetch(state, made.group_id, bobs)
        async with refusing(database, f"conversation_id <> '{made.room_id}' or user_id <> '{bobs}'"):
            with pytest.raises(RequestRefused) as caught:
                await bob.join_group(made.invite_code)
        assert (caught.value.code, caught.value.text) == ("DATABASE_ERROR", "Failed to join group")
        assert (await database.fetch(COUNTS), await database.fetch(state, made.group_id, bobs)) == before
        assert (await bob.join_group(made.invite_code)).message == "Successfully joined group"
