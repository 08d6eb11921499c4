"""What every adapter promises about presence and typing rows, and about who shares a conversation with whom."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from bridge.errors import StoreRefused
from bridge.models import AuthId, Identity, Presence, PresenceStatus, User, UserId
from tests.contract.creating import nobody
from tests.contract.scene import Scene, Seed, identity, person, some_time


def row(user: User, status: PresenceStatus, at: datetime | None) -> Presence:
    """Return a presence row."""
    return Presence(user_id=user.id, status=status, last_seen=at)


class PresenceContract:
    """Presence rows."""

    @pytest.mark.parametrize("status", PresenceStatus)
    async def test_a_written_row_replaces_what_was_there(self, seed: Seed, status: PresenceStatus) -> None:
        """Each status there is, with its time to the microsecond; everybody else's row is left alone."""
        scene = await Scene(seed).prepare()
        at = scene.now + timedelta(microseconds=123456)
        await seed.store.presence.write(
            [row(scene.ann, PresenceStatus.ONLINE, scene.now), row(scene.bob, PresenceStatus.AWAY, scene.now)]
        )
        await seed.store.presence.write([row(scene.ann, status, at)])
        assert await seed.store.presence.in_conversation(scene.room) == {
            scene.ann.id: row(scene.ann, status, at),
            scene.bob.id: row(scene.bob, PresenceStatus.AWAY, scene.now),
        }

    async def test_a_row_may_be_without_time(self, seed: Seed) -> None:
        """The column allows it, and legacy writers write what they like."""
        scene = await Scene(seed).prepare()
        await seed.store.presence.write([row(scene.ann, PresenceStatus.BUSY, None)])
        assert (await seed.store.presence.in_conversation(scene.room))[scene.ann.id] == row(
            scene.ann, PresenceStatus.BUSY, None
        )
        assert scene.ann.id not in {one.user_id for one in await seed.store.presence.alive_since(scene.now)}

    async def test_rows_are_written_all_or_none(self, seed: Seed) -> None:
        """Somebody does not exist."""
        scene = await Scene(seed).prepare()
        unknown = Presence(user_id=nobody(), status=PresenceStatus.ONLINE, last_seen=scene.now)
        with pytest.raises(StoreRefused, match="23503"):
            await seed.store.presence.write([row(scene.ann, PresenceStatus.ONLINE, scene.now), unknown])
        assert (await seed.store.presence.in_conversation(scene.room))[scene.ann.id] is None

    async def test_a_conversation_lists_its_active_members_with_or_without_a_row(self, seed: Seed) -> None:
        """Who has left is not there; an unknown conversation has nobody."""
        scene = await Scene(seed).prepare()
        gone, quiet = person("Gone"), person("Quiet")
        for user in (gone, quiet):
            await seed.user(user)
        await seed.participant(scene.room, gone.id, left=True)
        await seed.participant(scene.room, quiet.id)
        rows = [row(user, PresenceStatus.ONLINE, scene.now) for user in (scene.ann, scene.bob, gone)]
        await seed.store.presence.write(rows)
        found = await seed.store.presence.in_conversation(scene.room)
        assert found == {scene.ann.id: rows[0], scene.bob.id: rows[1], quiet.id: None}
        empty = await seed.conversation("room")
        assert await seed.store.presence.in_conversation(empty) == {}

    async def test_alive_is_who_is_not_offline_and_was_seen_lately(self, seed: Seed) -> None:
        """The moment itself included."""
        people = [person(str(number)) for number in range(5)]
        for user in people:
            await seed.user(user)
        start = some_time()
        rows = [
            row(people[0], PresenceStatus.ONLINE, start - timedelta(microseconds=1)),
            row(people[1], PresenceStatus.ONLINE, start),
            row(people[2], PresenceStatus.AWAY, start + timedelta(seconds=1)),
            row(people[3], PresenceStatus.OFFLINE, start + timedelta(seconds=1)),
            row(people[4], PresenceStatus.BUSY, start + timedelta(seconds=1)),
        ]
        await seed.store.presence.write(rows)
        mine = {user.id for user in people}
        found = [one for one in await seed.store.presence.alive_since(start) if one.user_id in mine]
        assert sorted(found, key=lambda one: rows.index(one)) == [rows[1], rows[2], rows[4]]


class CompanionsContract:
    """Who shares a conversation with somebody."""

    async def test_companions_are_the_active_members_of_ones_active_conversations(self, seed: Seed) -> None:
        """Oneself included; neither those who left nor the conversations that one has left."""
        scene = await Scene(seed).prepare()
        carol = person("Carol")
        await seed.user(carol)
        other, left, foreign = [await seed.conversation(kind) for kind in ("direct", "room", "room")]
        for conversation_id, user, gone in (
            (other, scene.ann, False),
            (other, carol, False),
            (left, scene.ann, True),
            (left, carol, False),
            (foreign, carol, False),
            (foreign, scene.bob, False),
        ):
            await seed.participant(conversation_id, user.id, left=gone)
        await seed.participant(scene.room, carol.id, left=True)
        assert await seed.store.conversations.companions(identity(scene.ann).ids) == {
            scene.room: {scene.ann.id, scene.bob.id},
            other: {scene.ann.id, carol.id},
        }

    async def test_each_of_ones_two_ids_counts(self, seed: Seed) -> None:
        """As everywhere where a membership is read (contract data-model section 6)."""
        scene = await Scene(seed).prepare()
        by_auth_id = Identity(user_id=UserId(nobody()), auth_id=AuthId(scene.ann.id))
        assert await seed.store.conversations.companions(by_auth_id.ids) == {scene.room: {scene.ann.id, scene.bob.id}}

    async def test_several_people_are_asked_about_at_once(self, seed: Seed) -> None:
        """Each conversation of any of them comes once."""
        scene = await Scene(seed).prepare()
        carol, dave = person("Carol"), person("Dave")
        await seed.user(carol)
        await seed.user(dave)
        other = await seed.conversation("direct")
        for user in (carol, dave):
            await seed.participant(other, user.id, left=False)
        people = {*identity(scene.ann).ids, *identity(scene.bob).ids, *identity(carol).ids}
        assert await seed.store.conversations.companions(people) == {
            scene.room: {scene.ann.id, scene.bob.id},
            other: {carol.id, dave.id},
        }

    async def test_somebody_without_conversations_has_none(self, seed: Seed) -> None:
        """Nor has somebody unknown."""
        user = person()
        await seed.user(user)
        assert await seed.store.conversations.companions(identity(user).ids) == {}
        assert await seed.store.conversations.companions(identity(person()).ids) == {}


class TypingContract:
    """Typing rows."""

    async def test_a_state_can_be_written_again_and_again(self, seed: Seed) -> None:
        """The first time and every other; what the table then holds is each adapter's own test."""
        scene = await Scene(seed).prepare()
        for is_typing in (True, False, True):
            await seed.store.typing.set(scene.room, scene.ann.id, is_typing=is_typing, now=scene.now)
