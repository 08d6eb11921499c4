"""What every adapter promises about what conversations are like, and about participants as people see them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bridge.errors import StoreRefused
from bridge.models import ConversationId, OwnTimer
from tests.contract.creating import new_conversation, nobody
from tests.contract.scene import Scene, Seed, identity, person, profile

TIMER = OwnTimer(disappear_seconds=3600, start_on="read")


class TraitsContract:
    """The conversation's own row."""

    async def test_a_row_is_returned_as_it_is_in_the_table(self, seed: Seed) -> None:
        """None if there is none."""
        scene = await Scene(seed).prepare()
        made = await seed.store.conversations.insert(new_conversation(scene.ann, "group", name="Trip"))
        assert await seed.store.traits.of(made.id) == made
        assert await seed.store.traits.of(ConversationId(nobody())) is None

    async def test_a_direct_conversation_becomes_a_group_and_direct_again(self, seed: Seed) -> None:
        """With the name that is given, and whoever is in it stays in it."""
        scene = await Scene(seed).prepare("direct")
        made = await seed.store.traits.make_group(scene.room, "Group Chat")
        assert made is not None
        assert (made.type, made.name) == ("group", "Group Chat")
        assert await seed.store.traits.of(scene.room) == made
        await seed.store.traits.make_direct(scene.room, None)
        again = await seed.store.traits.of(scene.room)
        assert again is not None
        assert (again.type, again.name) == ("direct", None)
        assert len(await seed.store.participants.active(scene.room)) == 2

    async def test_what_is_of_another_type_stays_as_it_is(self, seed: Seed) -> None:
        """Somebody else was faster, or it never was direct."""
        scene = await Scene(seed).prepare()
        traits = seed.store.traits
        group = await seed.store.conversations.insert(new_conversation(scene.ann, "group", name="Trip"))
        room = await seed.store.conversations.insert(new_conversation(scene.ann, "room", name="Hall"))
        assert await traits.make_group(group.id, "Group Chat") == group
        await traits.make_direct(room.id, None)
        assert await traits.of(room.id) == room
        assert await traits.make_group(ConversationId(nobody()), "Group Chat") is None

    async def test_a_timer_is_set_and_taken_away(self, seed: Seed) -> None:
        """Days where messages disappear, none where they do not; 0 days are days."""
        scene = await Scene(seed).prepare()
        for days in (7, None, 0):
            row = await seed.store.traits.set_timer(scene.room, days)
            assert row is not None
            assert row.disappearing_messages_enabled is (days is not None)
            assert row.disappearing_messages_duration_days == days
            assert await seed.store.traits.of(scene.room) == row
        assert await seed.store.traits.set_timer(ConversationId(nobody()), 7) is None


class ParticipantsContract:
    """Active participants with their profiles."""

    async def test_active_participants_come_in_the_order_of_their_joining(self, seed: Seed) -> None:
        """With role and profile; who has left is not among them."""
        scene = await Scene(seed).prepare()
        made, former = await seed.conversation("room"), person("Former")
        await seed.user(former)
        await seed.participant(made, scene.bob.id)
        await seed.participant(made, former.id, left=True)
        await seed.participant(made, scene.ann.id)
        found = await seed.store.participants.active(made)
        assert [(one.user_id, one.profile) for one in found] == [
            (scene.bob.id, profile(scene.bob)),
            (scene.ann.id, profile(scene.ann)),
        ]
        assert {one.role for one in found} == {"member"}

    async def test_nobody_is_in_an_unknown_conversation(self, seed: Seed) -> None:
        """No error."""
        assert list(await seed.store.participants.active(ConversationId(nobody()))) == []


class OwnTimersContract:
    """Timers of participants, where the database has them."""

    async def test_a_timer_is_in_the_own_row_only(self, seed: Seed) -> None:
        """Never, until somebody chooses."""
        scene = await Scene(seed).prepare()
        participants, ann, bob = seed.store.participants, identity(scene.ann), identity(scene.bob)
        never = OwnTimer(disappear_seconds=0, start_on=None)
        assert participants.has_timers
        assert await participants.timer(scene.room, ann) == never
        for timer in (TIMER, replace(TIMER, start_on="delivered"), never):
            assert await participants.set_timer(scene.room, ann, timer)
            assert await participants.timer(scene.room, ann) == timer
        assert await participants.set_timer(scene.room, ann, TIMER)
        assert await participants.timer(scene.room, bob) == never

    async def test_who_is_no_active_participant_has_none(self, seed: Seed) -> None:
        """A stranger, and somebody who left; nothing is written."""
        scene = await Scene(seed).prepare()
        former, stranger = person("Former"), person("Stranger")
        for user in (former, stranger):
            await seed.user(user)
        await seed.participant(scene.room, former.id, left=True)
        for one in (identity(former), identity(stranger)):
            assert await seed.store.participants.timer(scene.room, one) is None
            assert not await seed.store.participants.set_timer(scene.room, one, TIMER)


class NoOwnTimersContract:
    """A database whose participants have no timers."""

    async def test_without_the_columns_there_are_no_timers(self, seed: Seed) -> None:
        """None to read, and writing one is refused."""
        scene = await Scene(seed).prepare()
        participants, ann = seed.store.participants, identity(scene.ann)
        assert not participants.has_timers
        assert await participants.timer(scene.room, ann) is None
        with pytest.raises(StoreRefused):
            await participants.set_timer(scene.room, ann, TIMER)
