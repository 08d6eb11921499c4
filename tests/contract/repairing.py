"""What every adapter promises about damaged direct conversations: found only where it is certain whose they are."""

from __future__ import annotations

import pytest

from bridge.models import ConversationId, User, UserId
from tests.contract.creating import nobody
from tests.contract.scene import Scene, Seed, person


class Damage:
    """Direct conversations of Bob in which Ann is missing."""

    def __init__(self, seed: Seed, scene: Scene) -> None:
        self.seed = seed
        self.scene = scene

    async def lonely(self, *, made_by: User | None = None, left: bool = False) -> ConversationId:
        """Insert a conversation with Bob alone in it, as the old REST create left it unless its maker is given."""
        made = await self.seed.conversation("direct", created_by=made_by.id if made_by else None)
        await self.seed.participant(made, self.scene.bob.id, left=left)
        return made

    async def written(self, room: ConversationId, *senders: User) -> None:
        """Insert a message of each."""
        for sender in senders:
            await self.scene.has(self.scene.new(sender=sender, room=room))

    async def found(self) -> list[ConversationId]:
        """Return what is found, whoever of the two asks."""
        ann, bob = {self.scene.ann.id, nobody()}, {self.scene.bob.id, nobody()}
        found, again = [
            [row.id for row in await self.seed.store.conversations.damaged_directs_between(*sides)]
            for sides in ((ann, bob), (bob, ann))
        ]
        assert found == again
        return found


class RepairingContract:
    """Direct conversations of a pair in which one of the two is missing."""

    @pytest.fixture
    async def damage(self, seed: Seed) -> Damage:
        """Return the two, who share a room and nothing else."""
        return Damage(seed, await Scene(seed).prepare("room"))

    async def test_the_missing_one_made_it(self, damage: Damage) -> None:
        """Whoever of the two has written in it, or nobody."""
        rooms = [await damage.lonely(made_by=damage.scene.ann) for _ in range(3)]
        await damage.written(rooms[1], damage.scene.ann, damage.scene.bob)
        await damage.written(rooms[2], damage.scene.bob)
        assert await damage.found() == rooms

    async def test_nobody_is_said_to_have_made_it_and_the_missing_one_has_written(self, damage: Damage) -> None:
        """Asked twice, the old REST create made two: both are found, the older first; deleted messages count."""
        rooms = [await damage.lonely() for _ in range(2)]
        await damage.written(rooms[0], damage.scene.bob, damage.scene.ann, damage.scene.ann)
        await damage.seed.message(damage.scene.new(sender=damage.scene.ann, room=rooms[1]), deleted=True)
        assert await damage.found() == rooms

    async def test_a_guess_is_not_certain(self, damage: Damage) -> None:
        """Nobody has written, only the one who is there has, the one who is there made it, or a third person did."""
        third = person("Third")
        await damage.seed.user(third)
        await damage.lonely()
        await damage.written(await damage.lonely(), damage.scene.bob)
        await damage.written(await damage.lonely(made_by=damage.scene.bob), damage.scene.ann)
        await damage.written(await damage.lonely(made_by=third), damage.scene.ann)
        assert await damage.found() == []

    async def test_where_a_third_person_ever_was_it_is_nobodys(self, damage: Damage) -> None:
        """As a writer, a member or a former member."""
        third = person("Third")
        await damage.seed.user(third)
        written, *others = [await damage.lonely(made_by=damage.scene.ann) for _ in range(3)]
        await damage.written(written, third)
        for number, room in enumerate(others):
            await damage.seed.participant(room, third.id, left=bool(number))
        unknown = await damage.lonely()
        await damage.written(unknown, damage.scene.ann, third)
        assert await damage.found() == []

    async def test_whoever_left_has_left(self, damage: Damage) -> None:
        """A row that says so is no damage; nor is a conversation that nobody is in any more."""
        left = await damage.lonely(made_by=damage.scene.ann)
        await damage.seed.participant(left, damage.scene.ann.id, left=True)
        await damage.lonely(made_by=damage.scene.ann, left=True)
        assert await damage.found() == []

    async def test_only_direct_conversations_with_one_of_the_two_are_looked_at(self, damage: Damage) -> None:
        """Not rooms, not empty ones, not those in which nobody is missing, not those of other people."""
        scene = damage.scene
        room = await damage.seed.conversation("room", created_by=scene.ann.id)
        await damage.seed.participant(room, scene.bob.id)
        await damage.seed.conversation("direct", created_by=scene.ann.id)
        await scene.conversation("direct")
        third = person("Third")
        await damage.seed.user(third)
        foreign = await damage.seed.conversation("direct", created_by=scene.ann.id)
        await damage.seed.participant(foreign, third.id)
        assert await damage.found() == []

    async def test_the_one_who_is_there_may_be_so_under_its_auth_id(self, damage: Damage) -> None:
        """As damaged databases have it; here the other id is that of a second account."""
        other = person("Other account")
        await damage.seed.user(other)
        room = await damage.lonely(made_by=damage.scene.ann)
        await damage.seed.participant(room, other.id, left=True)
        mine, theirs = {damage.scene.ann.id}, {damage.scene.bob.id, other.id}
        found = await damage.seed.store.conversations.damaged_directs_between(mine, theirs)
        assert [row.id for row in found] == [room]
        assert list(await damage.seed.store.conversations.damaged_directs_between(mine, {UserId(other.id)})) == []
