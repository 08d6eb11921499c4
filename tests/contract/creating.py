"""What every adapter promises about writing conversations and their participants."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from bridge.errors import StoreRefused
from bridge.ids import new_conversation_id
from bridge.models import AuthId, ConversationId, NewConversation, User, UserId
from tests.contract.scene import Scene, Seed, person

MADE = datetime(2026, 5, 4, 3, 2, 1, 987654, tzinfo=UTC)


def nobody() -> UserId:
    """Return an id that no row has."""
    return UserId(str(uuid.uuid4()))


def new_conversation(creator: User, kind: str = "room", **columns: object) -> NewConversation:
    """Return a conversation that is not yet in the tables."""
    made = NewConversation(
        id=new_conversation_id(MADE),
        type=kind,
        name=None,
        created_by=creator.id,
        created_at=MADE,
        group_id=None,
        is_private=False,
    )
    return replace(made, **columns)


async def active(seed: Seed, conversation_id: ConversationId) -> set[UserId]:
    """Return who is in a conversation."""
    rows = await seed.store.conversations.participants(conversation_id)
    assert len(rows) == len({row.user_id for row in rows})
    return {row.user_id for row in rows if row.left_at is None}


class CreatingContract:
    """Writing conversations, and finding the direct ones."""

    async def test_people_are_found_by_ids_of_either_kind(self, seed: Seed) -> None:
        """Each once, though both of its ids are given; the older of two with one auth id first."""
        auth_id = AuthId(str(uuid.uuid4()))
        twins = [person(f"Twin {number}", auth_user_id=auth_id) for number in range(2)]
        same_id = str(uuid.uuid4())
        same = person("Same", id=same_id, auth_user_id=same_id)
        for user in (*twins, same):
            await seed.user(user)
        assert list(await seed.store.users.by_any_ids([auth_id])) == twins
        asked = [same_id, auth_id, twins[1].id, nobody()]
        found = await seed.store.users.by_any_ids(asked)
        assert sorted(user.id for user in found) == sorted(user.id for user in (*twins, same))

    async def test_many_people_are_found_at_once(self, seed: Seed) -> None:
        """More than a URL holds."""
        crowd = [person(f"{number}") for number in range(120)]
        for user in crowd:
            await seed.user(user)
        ids = [*(user.id for user in crowd), *(nobody() for _ in range(400))]
        found = await seed.store.users.by_any_ids(ids)
        assert {user.id for user in found} == {user.id for user in crowd}
        assert list(await seed.store.users.by_any_ids([])) == []

    async def test_a_direct_conversation_is_found_by_its_two_people(self, seed: Seed) -> None:
        """Whoever asks, by any of their ids; the oldest first."""
        scene = await Scene(seed).prepare("direct")
        second = await scene.conversation("direct")
        ann, bob = {scene.ann.id, nobody()}, {nobody(), scene.bob.id}
        for mine, theirs in ((ann, bob), (bob, ann)):
            found = await seed.store.conversations.directs_between(mine, theirs)
            assert {row.id for row in found} == {scene.room, second}
            assert [row.created_at for row in found] == sorted(row.created_at for row in found)
            assert {row.type for row in found} == {"direct"}

    async def test_what_is_not_the_two_alone_is_not_found(self, seed: Seed) -> None:
        """Of another type, with a third person, one of the two gone or missing; a third person who left is nobody."""
        scene = await Scene(seed).prepare("room")
        third = person("Third")
        await seed.user(third)
        crowded, with_former, left, alone = [await seed.conversation("direct") for _ in range(4)]
        for made in (crowded, with_former):
            await seed.participant(made, scene.ann.id)
            await seed.participant(made, scene.bob.id)
            await seed.participant(made, third.id, left=made == with_former)
        await seed.participant(left, scene.ann.id)
        await seed.participant(left, scene.bob.id, left=True)
        await seed.participant(alone, scene.ann.id)
        found = await seed.store.conversations.directs_between({scene.ann.id}, {scene.bob.id})
        assert [row.id for row in found] == [with_former]
        assert list(await seed.store.conversations.directs_between({scene.ann.id}, {nobody()})) == []

    async def test_an_inserted_conversation_is_returned_as_it_is_in_the_table(self, seed: Seed) -> None:
        """With the tables' defaults."""
        scene = await Scene(seed).prepare()
        new = new_conversation(scene.ann, "group", name="Trip", is_private=True)
        row = await seed.store.conversations.insert(new)
        assert (row.id, row.type, row.name, row.created_by) == (new.id, "group", "Trip", scene.ann.id)
        assert (row.created_at, row.updated_at, row.is_private, row.position) == (MADE, MADE, True, 0)
        assert (row.description, row.avatar_url, row.group_id) == (None, None, None)
        assert (row.disappearing_messages_enabled, row.disappearing_messages_duration_days) == (False, None)

    async def test_a_conversation_is_written_once(self, seed: Seed) -> None:
        """A repeat returns the row that is there, whatever it brings."""
        scene = await Scene(seed).prepare()
        new = new_conversation(scene.ann, "direct")
        first = await seed.store.conversations.insert(new)
        second = await seed.store.conversations.insert(replace(new, type="room", name="x", created_by=scene.bob.id))
        assert replace(second, updated_at=first.updated_at) == first

    async def test_a_creator_who_does_not_exist_is_refused(self, seed: Seed) -> None:
        """Nothing is written."""
        new = new_conversation(person())
        with pytest.raises(StoreRefused):
            await seed.store.conversations.insert(new)
        assert not await seed.store.conversations.withdraw(new)

    async def test_what_was_inserted_can_be_withdrawn(self, seed: Seed) -> None:
        """With whoever is in it; once."""
        scene = await Scene(seed).prepare()
        new = new_conversation(scene.ann)
        await seed.store.conversations.insert(new)
        await seed.store.conversations.admit(new.id, {scene.ann.id: "admin"})
        assert await seed.store.conversations.withdraw(new)
        assert await active(seed, new.id) == set()
        assert not await seed.store.conversations.withdraw(new)

    async def test_what_somebody_else_inserted_or_touched_is_not_withdrawn(self, seed: Seed) -> None:
        """Of two who make the same row, neither can take it away from the other."""
        scene = await Scene(seed).prepare()
        anns = new_conversation(scene.ann, "direct")
        bobs = replace(anns, created_by=scene.bob.id)
        await seed.store.conversations.insert(anns)
        await seed.store.conversations.insert(bobs)
        assert not await seed.store.conversations.withdraw(bobs)
        assert not await seed.store.conversations.withdraw(anns)
        assert (await seed.store.conversations.insert(bobs)).created_by == scene.ann.id

    async def test_people_are_admitted_with_their_roles(self, seed: Seed) -> None:
        """Again is the same; who is in keeps its role, who left is in again."""
        scene = await Scene(seed).prepare()
        made, former = await seed.conversation("room"), person("Former")
        await seed.user(former)
        await seed.participant(made, scene.ann.id)
        await seed.participant(made, former.id, left=True)
        roles = {scene.ann.id: "admin", scene.bob.id: "admin", former.id: "member"}
        for _ in range(2):
            await seed.store.conversations.admit(made, roles)
            assert await active(seed, made) == set(roles)
        assert await seed.role(made, scene.ann.id) == "member"
        assert await seed.role(made, scene.bob.id) == "admin"

    async def test_many_are_admitted_at_once(self, seed: Seed) -> None:
        """More than a URL holds, some of them former members."""
        scene = await Scene(seed).prepare()
        crowd = [person(f"{number}") for number in range(130)]
        for number, user in enumerate(crowd):
            await seed.user(user)
            if number < 120:
                await seed.participant(scene.room, user.id, left=True)
        await seed.store.conversations.admit(scene.room, {user.id: "member" for user in crowd})
        assert await active(seed, scene.room) == {scene.ann.id, scene.bob.id, *(user.id for user in crowd)}

    async def test_all_are_admitted_or_none(self, seed: Seed) -> None:
        """One of them does not exist, or the conversation does not."""
        scene = await Scene(seed).prepare()
        made = await seed.conversation("room")
        with pytest.raises(StoreRefused):
            await seed.store.conversations.admit(made, {scene.ann.id: "admin", nobody(): "member"})
        assert await active(seed, made) == set()
        with pytest.raises(StoreRefused):
            await seed.store.conversations.admit(ConversationId(nobody()), {scene.ann.id: "admin"})

    async def test_an_admission_can_be_put_back(self, seed: Seed) -> None:
        """To having left then, or to never having been there; nobody else is concerned."""
        scene = await Scene(seed).prepare()
        conversations = seed.store.conversations
        await conversations.put_back(scene.room, scene.ann.id, MADE)
        rows = {row.user_id: row.left_at for row in await conversations.participants(scene.room)}
        assert rows == {scene.ann.id: MADE, scene.bob.id: None}
        await conversations.put_back(scene.room, scene.ann.id, None)
        await conversations.put_back(scene.room, nobody(), None)
        assert [row.user_id for row in await conversations.participants(scene.room)] == [scene.bob.id]
