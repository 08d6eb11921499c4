"""What every adapter promises about groups."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bridge.errors import StoreRefused
from bridge.ids import new_conversation_id, new_group_id, new_invite_code
from bridge.models import AuthId, GroupId, Identity, NewGroup, User, UserId
from tests.contract.creating import MADE, new_conversation, nobody
from tests.contract.scene import Scene, Seed, identity, person


def new_group(creator: User) -> NewGroup:
    """Return a group that is not yet in the tables."""
    return NewGroup(
        id=new_group_id(MADE),
        name="Chess",
        description="Every Friday",
        is_public=False,
        invite_code=new_invite_code(),
        created_by=creator.id,
        created_at=MADE,
    )


async def made(seed: Seed, scene: Scene) -> NewGroup:
    """Insert a group with a private and a public room, all of whose people are ann."""
    group = new_group(scene.ann)
    await seed.store.groups.insert(group)
    await seed.store.groups.admit(group.id, {scene.ann.id: "owner"})
    for number, name in enumerate(("general", "private")):
        at = MADE + timedelta(seconds=number)
        room = new_conversation(scene.ann, name=name, group_id=group.id, is_private=name == "private", created_at=at)
        room = replace(room, id=new_conversation_id(at))
        await seed.store.conversations.insert(room)
        await seed.store.conversations.admit(room.id, {scene.ann.id: "admin"})
    return group


class GroupsContract:
    """Groups, their members and rooms."""

    async def test_an_inserted_group_is_returned_and_found_by_its_code(self, seed: Seed) -> None:
        """By exactly this code; private or not."""
        scene = await Scene(seed).prepare()
        new = new_group(scene.ann)
        row = await seed.store.groups.insert(new)
        assert (row.id, row.name, row.description, row.is_public) == (new.id, "Chess", "Every Friday", False)
        assert (row.invite_code, row.created_by, row.created_at) == (new.invite_code, scene.ann.id, MADE)
        assert await seed.store.groups.by_invite_code(new.invite_code) == row
        for code in (new.invite_code[:-1], "", "%", f"{new.invite_code},"):
            assert await seed.store.groups.by_invite_code(code) is None

    async def test_a_code_is_given_once(self, seed: Seed) -> None:
        """The second is refused as a duplicate."""
        scene = await Scene(seed).prepare()
        new = new_group(scene.ann)
        await seed.store.groups.insert(new)
        with pytest.raises(StoreRefused) as refused:
            await seed.store.groups.insert(replace(new, id=new_group_id(MADE)))
        assert refused.value.sqlstate == "23505"

    async def test_members_are_admitted_and_put_back(self, seed: Seed) -> None:
        """A former member again, with its old role; who is in keeps its role."""
        scene = await Scene(seed).prepare()
        group, me = await made(seed, scene), identity(scene.bob)
        groups = seed.store.groups
        assert list(await groups.memberships(group.id, me)) == []
        await groups.admit(group.id, {scene.bob.id: "moderator"})
        await groups.put_back(group.id, scene.bob.id, MADE)
        (row,) = await groups.memberships(group.id, me)
        assert (row.role, row.left_at) == ("moderator", MADE)
        for _ in range(2):
            await groups.admit(group.id, {scene.bob.id: "member", scene.ann.id: "member"})
            (row,) = await groups.memberships(group.id, me)
            assert (row.role, row.left_at) == ("moderator", None)
        await groups.put_back(group.id, scene.bob.id, None)
        await groups.put_back(group.id, scene.bob.id, None)
        assert list(await groups.memberships(group.id, me)) == []
        (row,) = await groups.memberships(group.id, identity(scene.ann))
        assert (row.role, row.left_at) == ("owner", None)

    async def test_a_membership_needs_a_user_and_a_group(self, seed: Seed) -> None:
        """All are admitted or none."""
        scene = await Scene(seed).prepare()
        group = await made(seed, scene)
        with pytest.raises(StoreRefused):
            await seed.store.groups.admit(group.id, {scene.bob.id: "member", nobody(): "member"})
        with pytest.raises(StoreRefused):
            await seed.store.groups.admit(GroupId(nobody()), {scene.bob.id: "member"})
        assert list(await seed.store.groups.memberships(group.id, identity(scene.bob))) == []
        with pytest.raises(StoreRefused):
            await seed.store.groups.insert(new_group(person()))

    async def test_rooms_and_ones_seats_in_them(self, seed: Seed) -> None:
        """Private ones too, in order; by either id of the identity set."""
        scene = await Scene(seed).prepare()
        group = await made(seed, scene)
        rooms = await seed.store.groups.rooms(group.id)
        assert [(room.name, room.is_private, room.group_id) for room in rooms] == [
            ("general", False, group.id),
            ("private", True, group.id),
        ]
        both = Identity(user_id=nobody(), auth_id=AuthId(scene.ann.id))
        seats = await seed.store.groups.seats(group.id, both)
        assert {seat.conversation_id for seat in seats} == {room.id for room in rooms}
        assert list(await seed.store.groups.seats(group.id, identity(scene.bob))) == []
        await seed.store.conversations.put_back(rooms[0].id, scene.ann.id, MADE)
        left = [seat.left_at for seat in await seed.store.groups.seats(group.id, both)]
        assert sorted(left, key=str) == [MADE, None]

    async def test_a_deleted_group_takes_everything_with_it(self, seed: Seed) -> None:
        """Members, rooms, participants; again is the same."""
        scene = await Scene(seed).prepare()
        group = await made(seed, scene)
        rooms = await seed.store.groups.rooms(group.id)
        for _ in range(2):
            await seed.store.groups.delete(group.id)
            assert await seed.store.groups.by_invite_code(group.invite_code) is None
            assert list(await seed.store.groups.rooms(group.id)) == []
            assert list(await seed.store.groups.memberships(group.id, identity(scene.ann))) == []
            for room in rooms:
                assert list(await seed.store.conversations.participants(room.id)) == []

    async def test_the_list_has_ones_own_groups_by_latest_activity(self, seed: Seed) -> None:
        """Counts of rooms and of active members; without a message the group's age counts."""
        scene = await Scene(seed).prepare()
        first, second, left = [await made(seed, scene) for _ in range(3)]
        await seed.store.groups.put_back(left.id, scene.ann.id, MADE)
        former = person("Former")
        await seed.user(former)
        await seed.store.groups.admit(first.id, {scene.bob.id: "member", former.id: "member"})
        await seed.store.groups.put_back(first.id, former.id, MADE)
        general, private = await seed.store.groups.rooms(first.id)
        newest = await scene.has(scene.new(room=private.id, seconds=5))
        await scene.has(scene.new(room=general.id, seconds=3))
        both = Identity(user_id=nobody(), auth_id=AuthId(scene.ann.id))
        lines = await seed.store.groups.summaries(both)
        assert [(line.id, line.role, line.room_count, line.member_count) for line in lines] == [
            (first.id, "owner", 2, 2),
            (second.id, "owner", 2, 1),
        ]
        assert [line.latest_activity for line in lines] == [newest.created_at, MADE]
        assert (lines[0].name, lines[0].description, lines[0].avatar_url) == ("Chess", "Every Friday", None)
        (bobs,) = await seed.store.groups.summaries(identity(scene.bob))
        assert (bobs.id, bobs.role) == (first.id, "member")

    async def test_nobodys_list_of_groups_is_empty(self, seed: Seed) -> None:
        """No error either; nor a line for a group without rooms that is missing."""
        assert list(await seed.store.groups.summaries(identity(person()))) == []
        scene = await Scene(seed).prepare()
        empty = new_group(scene.ann)
        await seed.store.groups.insert(empty)
        await seed.store.groups.admit(empty.id, {UserId(scene.ann.id): "owner"})
        (line,) = await seed.store.groups.summaries(identity(scene.ann))
        assert (line.room_count, line.member_count, line.latest_activity) == (0, 1, MADE)
