"""What the old endpoints answer to people who may ask (contract legacy-rest section 3)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bridge.models import GroupId, GroupMembership, ParticipantId, UserId
from tests.actions.performing import perform
from tests.compat.shims import CONVERSATIONS, EACH_KIND, GROUPS, PROFILE, RETENTION, SEARCH, participants, shims, timer
from tests.people import BIRTH, OTHER_ROOM, ROOM, A, B, C, D, E, Person, X, message


@EACH_KIND
async def test_the_list_has_the_old_columns(person: Person) -> None:
    """All 13, latest activity first, whoever asks; the very rows of the WebSocket (contract F17)."""
    async with shims() as s:
        s.world.tables.add_participant(OTHER_ROOM, person.user_id)
        s.world.legacy_insert(message(1, C, conversation=OTHER_ROOM, content="new"))
        s.world.clock.advance(60)
        listed = await s.get(CONVERSATIONS, person)
        rows = listed["conversations"]
        assert [row["conversation_id"] for row in rows] == [OTHER_ROOM, ROOM]
        expected = {
            "conversation_id": OTHER_ROOM,
            "conversation_type": "direct",
            "conversation_name": "Person C",
            "conversation_avatar_url": None,
            "group_id": None,
            "group_name": None,
            "participant_count": 3,
            "latest_message_id": message(1).id,
            "latest_message_content": "new",
            "latest_message_sender_id": C.user_id,
            "latest_message_sender_username": "c",
            "latest_message_created_at": "2026-01-01T00:00:01+00:00",
            "unread_count": 1,
        }
        assert {key: rows[0][key] for key in expected} == expected
        assert all(row.keys() >= expected.keys() for row in rows)
        assert listed == await perform(s.world, person, "load_conversations")
        assert B.auth_id not in str(listed)


async def test_without_users_row_every_list_is_empty() -> None:
    """A valid token is enough for 200 (contract legacy-rest section 5)."""
    async with shims() as s:
        assert await s.get(CONVERSATIONS, E) == {"conversations": []}
        assert await s.get(GROUPS, E) == {"groups": []}
        assert await s.get(f"{SEARCH}?q=person", E) == {"users": []}


@EACH_KIND
async def test_participants_are_listed_with_one_user_each(person: Person) -> None:
    """Who joined first comes first (contract legacy-rest section 3.3)."""
    async with shims() as s:
        s.world.tables.joined_at[ParticipantId(f"{ROOM}/{A.user_id}/0")] = BIRTH + timedelta(microseconds=123456)
        listed = await s.get(participants(), person)
        assert listed["participants"][0] == {
            "user_id": A.user_id,
            "role": "member",
            "joined_at": "2026-01-01T00:00:00.123456+00:00",
            "users": {"id": A.user_id, "username": "a", "display_name": "Person A", "avatar_url": None},
        }
        assert [row["user_id"] for row in listed["participants"]] == [one.user_id for one in (A, B, C, D)]
        assert listed.keys() == {"participants"}


@EACH_KIND
async def test_groups_are_those_that_one_is_in(person: Person) -> None:
    """The columns of `get_user_groups` (contract legacy-rest section 3.5)."""
    async with shims() as s:
        made = await perform(s.world, C, "create_group", name="Garden", description="Beds")
        group = GroupId(made["group_id"])
        assert await s.get(GROUPS, person) == {"groups": []}
        row = GroupMembership(group_id=group, user_id=person.user_id, role="moderator", left_at=None)
        s.world.tables.group_members[group, person.user_id] = row
        assert await s.get(GROUPS, person) == {
            "groups": [
                {
                    "group_id": group,
                    "group_name": "Garden",
                    "group_description": "Beds",
                    "group_avatar_url": None,
                    "user_role": "moderator",
                    "room_count": 1,
                    "member_count": 2,
                    "latest_activity": "2026-01-01T00:00:00+00:00",
                }
            ]
        }


@EACH_KIND
async def test_a_search_finds_others(person: Person) -> None:
    """Trimmed, in either case, with the end of the number (contract legacy-rest section 3.6)."""
    async with shims() as s:
        users = (await s.get(f"{SEARCH}?q=%20%20PERSON%20X%20", person))["users"]
        assert users == [
            {
                "id": X.user_id,
                "username": "x",
                "display_name": "Person X",
                "avatar_url": None,
                "phone_partial": "***-***-0088",
            }
        ]
        everybody = (await s.get(f"{SEARCH}?q=person&q=other", person))["users"]
        assert person.user_id not in {user["id"] for user in everybody}


@pytest.mark.parametrize("query", ["", "?q=", "?q=%20%09", "?query=person", "?q=%00", "?q=a%2Cb", "?q=%25", "?q=%ff"])
async def test_a_search_for_nothing_finds_nobody(query: str) -> None:
    """Neither an error nor everybody."""
    async with shims() as s:
        assert await s.get(f"{SEARCH}{query}") == {"users": []}


@EACH_KIND
async def test_the_conversations_timer_is_read_and_set(person: Person) -> None:
    """Where participants have no timers of their own (contract legacy-rest section 3.7)."""
    async with shims() as s:
        never = {"disappearing_messages_enabled": False, "disappearing_messages_duration_days": None}
        assert await s.get(timer(), person) == never
        for days in (7, 0, 7.0):
            chosen = {"disappearing_messages_enabled": True, "disappearing_messages_duration_days": days}
            assert await s.ask("PUT", timer(), chosen, person) == (200, {"success": True, **chosen})
            assert await s.get(timer(), C) == chosen
        off = {"disappearing_messages_enabled": False, "disappearing_messages_duration_days": 5}
        assert await s.ask("PUT", timer(), off, person) == (200, {"success": True, **never})
        assert await s.get(timer(), C) == never


@EACH_KIND
async def test_the_same_address_serves_both_meanings(person: Person) -> None:
    """Told apart by the keys of the body, where the columns exist."""
    async with shims() as s:
        s.world.tables.has_own_timers = True
        days = {"disappearing_messages_enabled": True, "disappearing_messages_duration_days": 3}
        assert await s.ask("PUT", timer(), days, C) == (200, {"success": True, **days})
        own = {"disappear_seconds": 60, "start_on": "read"}
        settings = {**own, "enabled": True}
        written = await s.ask("PUT", timer(), own, person)
        message_text = "Disappearing messages settings updated successfully"
        assert written == (200, {"success": True, "settings": settings, "message": message_text})
        assert await s.get(timer(), person) == {**days, "success": True, "settings": settings}
        nothing = {"disappear_seconds": 0, "start_on": None, "enabled": False}
        assert (await s.get(timer(), C))["settings"] == nothing
        both = {**days, **own}
        assert (await s.ask("PUT", timer(), both, person)).body == {"success": True, **days}


@EACH_KIND
async def test_retention_is_read_and_written(person: Person) -> None:
    """One's own (contract legacy-rest section 3.8)."""
    async with shims() as s:
        assert await s.get(RETENTION, person) == {"success": True, "default_message_retention_days": 30}
        told = await s.ask("PUT", RETENTION, {"default_message_retention_days": 0}, person)
        message_text = "Disappearing messages setting updated successfully"
        assert told == (200, {"success": True, "message": message_text})
        assert await s.get(RETENTION, person) == {"success": True, "default_message_retention_days": 0}
        assert (await s.get(RETENTION, C))["default_message_retention_days"] == 30


@EACH_KIND
async def test_a_profile_is_written(person: Person) -> None:
    """Trimmed, empty becomes null, an absent key is unchanged; the keys have humps (contract legacy-rest 3.9)."""
    async with shims() as s:
        shown = {"username": person.name.lower(), "displayName": f"Person {person.name}", "avatarUrl": None}
        for body, bio, website in (
            ({"bio": " I knit ", "website": "example.org"}, "I knit", "example.org"),
            ({"bio": "  "}, None, "example.org"),
            ({}, None, "example.org"),
        ):
            user = {"id": person.user_id, **shown, "bio": bio, "website": website}
            assert await s.ask("POST", PROFILE, body, person) == (200, {"success": True, "user": user})


async def test_what_is_done_here_is_told_to_sockets_at_once() -> None:
    """And a socket's message is in the list (contract F28, F52)."""
    async with shims() as s:
        c, x = [await s.world.signed_in(one) for one in (C, X)]
        made = await s.ask("POST", CONVERSATIONS, {"type": "group", "participant_ids": [C.user_id]})
        conversation = made.body["conversation_id"]
        await c.ask("send_message", conversationId=conversation, content="hello")
        assert (await s.get(CONVERSATIONS))["conversations"][0]["latest_message_content"] == "hello"
        await s.ask("POST", participants(conversation), {"user_ids": [X.user_id]})
        assert (await c.received())[-1] == (await x.received())[-1] == "Person X was added to the conversation"


async def test_a_row_of_the_callers_auth_id_is_a_membership() -> None:
    """Production is said to have some (contract data-model section 6)."""
    async with shims() as s:
        s.world.tables.add_participant(OTHER_ROOM, UserId(str(B.auth_id)))
        listed = await s.get(participants(OTHER_ROOM))
        assert [row["user_id"] for row in listed["participants"]] == [C.user_id, X.user_id, B.user_id]
        assert B.auth_id not in json.dumps(listed)
        assert (await s.ask("PUT", timer(OTHER_ROOM), {"disappearing_messages_enabled": False})).status == 200


async def test_a_wrong_kind_of_row_does_not_show() -> None:
    """Who has left is in no list and may do nothing (contract F8)."""
    async with shims() as s:
        row = ParticipantId(f"{ROOM}/{B.user_id}/0")
        s.world.tables.rows[row] = replace(s.world.tables.rows[row], left_at=BIRTH)
        assert await s.get(CONVERSATIONS) == {"conversations": []}
