"""The old REST endpoints and sockets at the same bridge and the same tables."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from bridge.app import Bridge
from bridge.client import WireClient
from tests.e2e.accounts import Library, refreshes_of, sign_up
from tests.e2e.browsers import (
    CONVERSATIONS,
    GROUPS,
    PATIENCE_SECONDS,
    PROFILE,
    RETENTION,
    Browser,
    address_of,
    browser,
    participants,
    timer,
)
from tests.e2e.conftest import RunningBridge, StartBridge
from tests.e2e.database import Database
from tests.e2e.listening import newcomer, next_push
from tests.e2e.test_delivery import KINDS, next_message

ROUNDS = 20


@pytest.fixture
async def people(bridge: RunningBridge) -> AsyncIterator[dict[str, Browser]]:
    """Yield the browsers of the sample people."""
    async with httpx.AsyncClient(base_url=address_of(bridge), timeout=PATIENCE_SECONDS) as http:
        sample = bridge.sandbox.people
        yield {name: Browser(http, str(person.token)) for name, person in sample.items() if person.token}


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_of_user_is_served_by_every_endpoint(
    people: dict[str, Browser], bridge: RunningBridge, database: Database, name: str
) -> None:
    """On the real tables; nobody's auth id is shown unless it is the users.id too (contract F1)."""
    me, (other, _) = people[name], await database.new_person()
    direct = await me.create("direct", other)
    assert await me.create("direct", other) == direct
    group = await me.create("group", other, name="Trip")
    assert await database.members(group) == {database.user(name): "admin", other: "member"}
    added = await me.ask("POST", participants(direct), user_ids=[database.user("frank")])
    assert added == {"message": "Successfully added 1 participant(s)", "added_count": 1}
    seen = [
        await me.ask("GET", path) for path in (CONVERSATIONS, GROUPS, participants(direct), timer(direct), RETENTION)
    ]
    assert {row["user_id"] for row in seen[2]["participants"]} == {database.user(name), database.user("frank"), other}
    lines = {line["conversation_id"]: line for line in seen[0]["conversations"]}
    assert (lines[direct]["conversation_type"], lines[direct]["conversation_name"]) == ("group", "Group Chat")
    assert lines[direct]["latest_message_content"] == "Frank Fischer was added to the conversation"
    days = {"disappearing_messages_enabled": True, "disappearing_messages_duration_days": 3}
    assert await me.ask("PUT", timer(group), **days) == {"success": True, **days}
    kept = {"default_message_retention_days": 12}
    assert (await me.ask("PUT", RETENTION, **kept))["success"] is True
    assert await me.ask("GET", RETENTION) == {"success": True, **kept}
    profile = await me.ask("POST", PROFILE, bio=" ☺ ", website="example.org")
    assert (profile["user"]["bio"], profile["user"]["id"]) == ("☺", database.user(name))
    found = await me.ask("GET", f"/api/users/search?q={other[:20]}")
    assert [user["id"] for user in found["users"]] == [other]
    auth_id = str(bridge.sandbox.people[name].auth_id)
    if auth_id != database.user(name):
        assert auth_id not in str([seen, profile, found])


@pytest.mark.parametrize("is_refreshing", [True, False], ids=["refreshing", "not refreshing"])
async def test_the_sessions_of_the_real_library_are_known(
    start_bridge: StartBridge, library: Library, database: Database, *, is_refreshing: bool
) -> None:
    """Fresh ones always; expired ones are refreshed if the operator wants that, else at their end."""
    async with start_bridge(refresh_sessions=is_refreshing) as bridge:
        account = await sign_up(bridge.sandbox, database, bio="Zoë ☺ " * 120)
        fresh = await library.signed_in(account)
        token = await database.token(account.auth_id, lifetime_seconds=-60)
        old = await library.signed_in(account, issued={"access_token": token, "expires_at": 1_700_000_000})
        async with httpx.AsyncClient(base_url=address_of(bridge), timeout=PATIENCE_SECONDS) as http:
            assert (await http.get(CONVERSATIONS, headers={"Cookie": fresh.header})).status_code == 200
            response = await http.get(CONVERSATIONS, headers={"Cookie": old.header})
            old.take(response.headers.get_list("Set-Cookie"))
            again = await http.get(CONVERSATIONS, headers={"Cookie": old.header})
        expected = 200 if is_refreshing else 401
        assert (response.status_code, again.status_code) == (expected, expected)
        assert await refreshes_of(database, account) == is_refreshing


async def test_both_ask_for_their_conversation_at_once_by_either_way(bridge: RunningBridge, database: Database) -> None:
    """One conversation, two active participants, made by one of them; 20 times (contract F2)."""
    for number in range(ROUNDS):
        (one, one_token), (two, two_token) = await database.new_person(), await database.new_person()
        async with browser(bridge, one_token) as page, bridge.client() as client:
            await client.authenticate(two_token)
            wanted = {"type": "direct", "participant_ids": [one]}
            asking = [page.create("direct", two), by_socket(client, wanted), page.create("direct", two)]
            made = await asyncio.gather(*(asking if number % 2 else reversed(asking)))
            assert len(set(made)) == 1
            assert (await database.members(made[0])).keys() == {one, two}
            rows = await database.fetch("select created_by::text, type from conversations where id = %s", made[0])
            ((creator, kind),) = rows
            assert creator in {one, two}
            assert kind == "direct"
            ((count,),) = await database.fetch(
                "select count(distinct conversation_id) from conversation_participants where user_id in (%s, %s)",
                one,
                two,
            )
            assert count == 1


async def by_socket(client: WireClient, wanted: object) -> str:
    """Make a conversation and return its id."""
    return str(msgspec.json.decode(await client.request("create_conversation", wanted))["id"])


async def test_what_is_changed_here_reaches_sockets_at_once(people: dict[str, Browser], bridge: RunningBridge) -> None:
    """And what sockets change is seen here (contract F28, F52)."""
    bob, carol = people["bob"], people["carol"]
    ids = {name: str(bridge.sandbox.people[name].user_id) for name in ("carol", "dave", "frank")}
    async with bridge.client("carol") as c, bridge.client("dave") as d:
        made = await bob.create("group", ids["carol"], name="Mixed")
        await c.send_message(made, "first")
        assert (await next_message(c)).encrypted_content == "first"
        await bob.ask("POST", participants(made), user_ids=[ids["dave"]])
        for client in (c, d):
            told = await next_message(client)
            assert (told.encrypted_content, told.message_type) == (
                "Dave Duarte was added to the conversation",
                "system",
            )
        await d.send_message(made, "thanks")
        assert (await next_message(c)).encrypted_content == "thanks"
        await c.request("add_participants", {"conversationId": made, "userIds": [ids["frank"]]})
        listed = (await carol.ask("GET", participants(made)))["participants"]
        assert ids["frank"] in {row["user_id"] for row in listed}
        await c.request("set_conversation_timer", {"conversationId": made, "enabled": True, "durationDays": 9})
        assert (await bob.ask("GET", timer(made)))["disappearing_messages_duration_days"] == 9
        line = next(
            one for one in (await bob.ask("GET", CONVERSATIONS))["conversations"] if one["conversation_id"] == made
        )
        assert (line["participant_count"], line["latest_message_sender_username"]) == (4, "carol")


async def test_newcomers_hear_of_everything_at_once(bridge: RunningBridge, database: Database) -> None:
    """Of conversations made here, of who comes in, of a pair that becomes a group, and of the timer."""
    (_, one_token), (two, two_token) = await database.new_person(), await database.new_person()
    async with browser(bridge, one_token) as page, newcomer(bridge, token=two_token) as client:
        made = await page.create("direct", two)
        name, payload = await next_push(client, of=made)
        assert (name, payload["conversation"]["type"]) == ("conversation_added", "direct")
        await page.ask("POST", participants(made), user_ids=[database.user("frank")])
        name, payload = await next_push(client, "conversation_changed", "message_received", of=made)
        assert (name, payload["conversation"]["type"]) == ("conversation_changed", "group")
        name, payload = await next_push(client, "member_added", "message_received", of=made)
        assert (name, payload["user"]["id"]) == ("member_added", database.user("frank"))
        _, payload = await next_push(client, "message_received", of=made)
        assert payload["message"]["message_type"] == "system"
        days = {"disappearing_messages_enabled": True, "disappearing_messages_duration_days": 4}
        await page.ask("PUT", timer(made), **days)
        name, payload = await next_push(client, of=made)
        assert (name, payload["conversation"]["disappearing_messages_duration_days"]) == ("conversation_changed", 4)


async def test_a_former_member_is_in_again(people: dict[str, Browser], database: Database) -> None:
    """Not a second row (contract legacy-rest section 3.4)."""
    room = await database.conversation("bob", "carol")
    await database.remove(room, "carol")
    added = await people["bob"].ask("POST", participants(room), user_ids=[database.user("carol")])
    assert added["added_count"] == 1
    assert database.user("carol") in await database.members(room)
    again = await people["bob"].ask("POST", participants(room), user_ids=[database.user("carol")])
    assert again == {"message": "All users are already participants"}


@pytest.mark.parametrize("is_first", [True, False], ids=["the insert", "its answer"])
async def test_adding_that_fails_changes_nothing(
    start_bridge: StartBridge, database: Database, *, is_first: bool
) -> None:
    """A pair stays a pair (contract F49)."""

    def prepare(parts: Bridge) -> None:
        conversations = parts.context.store.conversations
        admit = conversations.admit

        async def failing(*given: Any) -> None:
            if not is_first:
                await admit(*given)
            raise OSError("the network is gone")

        object.__setattr__(conversations, "admit", failing)

    one, token = await database.new_person()
    two, _ = await database.new_person()
    room = str(uuid.uuid4())
    await database.run("insert into conversations (id, type) values (%s, 'direct')", room)
    for person in (one, two):
        await database.run(
            "insert into conversation_participants (conversation_id, user_id) values (%s, %s)", room, person
        )
    async with start_bridge(prepare) as bridge, browser(bridge, token) as page:
        response = await page.send("POST", participants(room), user_ids=[database.user("dave")])
        assert (response.status_code, response.json()) == (500, {"error": "Internal server error"})
    assert await database.fetch("select type, name from conversations where id = %s", room) == [("direct", None)]
    assert (await database.members(room)).keys() == {one, two}
    assert await database.texts(room) == []
