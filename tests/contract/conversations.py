"""What every adapter promises about conversations, their participants and the list."""

from __future__ import annotations

import uuid
from datetime import timedelta

from bridge.models import AuthId, ConversationId, Identity, UserId
from bridge.store.unread import UNREAD_LIMIT
from tests.contract.scene import Scene, Seed, identity, person, profile, some_time


class ConversationsContract:
    """Conversations and participants."""

    async def test_all_participants_are_returned_those_who_left_included(self, seed: Seed) -> None:
        """With the time they left."""
        scene = await Scene(seed).prepare()
        gone = person("Gone")
        await seed.user(gone)
        await seed.participant(scene.room, gone.id, left=True)
        rows = await seed.store.conversations.participants(scene.room)
        assert {row.user_id: row.left_at is None for row in rows} == {
            scene.ann.id: True,
            scene.bob.id: True,
            gone.id: False,
        }
        assert {row.conversation_id for row in rows} == {scene.room}
        assert len({row.id for row in rows}) == 3

    async def test_an_unknown_conversation_has_no_participants(self, seed: Seed) -> None:
        """No error: it is asked about by strangers."""
        assert list(await seed.store.conversations.participants(ConversationId(str(uuid.uuid4())))) == []

    async def test_the_list_has_ones_own_conversations_by_newest_activity(self, seed: Seed) -> None:
        """With the latest message and its sender; those one has left are not in it."""
        scene = await Scene(seed).prepare()
        older, left = await scene.conversation(), await seed.conversation("room")
        await seed.participant(left, scene.ann.id, left=True)
        await scene.has(scene.new("first", room=scene.room, seconds=1))
        await scene.has(scene.new("older", room=older, seconds=2))
        await scene.has(scene.new("latest", room=scene.room, seconds=3, sender=scene.bob))
        lines = await seed.store.conversations.summaries(identity(scene.ann), scene.now)
        assert [line.id for line in lines] == [scene.room, older]
        latest = lines[0].latest
        assert latest is not None
        assert (latest.content, latest.sender) == ("latest", profile(scene.bob))
        assert (lines[0].type, lines[0].participant_count) == ("room", 2)

    async def test_a_participant_row_with_the_auth_id_counts(self, seed: Seed) -> None:
        """Either id of the identity set makes a member (contract data-model section 6)."""
        scene = await Scene(seed).prepare()
        both = Identity(user_id=UserId(str(uuid.uuid4())), auth_id=AuthId(scene.bob.id))
        assert [line.id for line in await seed.store.conversations.summaries(both, scene.now)] == [scene.room]

    async def test_a_direct_conversation_has_the_other_persons_name(self, seed: Seed) -> None:
        """And picture, for each of the two."""
        scene = await Scene(seed).prepare("direct")
        for me, other in ((scene.ann, scene.bob), (scene.bob, scene.ann)):
            (line,) = await seed.store.conversations.summaries(identity(me), scene.now)
            assert (line.type, line.name, line.avatar_url) == ("direct", other.display_name, other.avatar_url)

    async def test_unread_are_others_messages_after_what_was_read(self, seed: Seed) -> None:
        """Deleted and expired ones are not, nor what only its own sender has read."""
        scene = await Scene(seed).prepare()
        await scene.has(scene.new("before", sender=scene.bob))
        read = await scene.has(scene.new("read", sender=scene.bob, seconds=1))
        await seed.read(read.id, scene.ann.id)
        await scene.has(scene.new("unread", sender=scene.bob, seconds=2))
        other = await scene.has(scene.new("read by its own sender only", sender=scene.bob, seconds=3))
        await seed.read(other.id, scene.bob.id)
        await scene.has(scene.new("deleted", sender=scene.bob, seconds=4), deleted=True)
        (line,) = await seed.store.conversations.summaries(identity(scene.ann), scene.now)
        assert line.unread_count == 2
        assert line.latest is not None
        assert line.latest.content == "read by its own sender only"
        for_ever = scene.start + timedelta(days=36_500)
        (line,) = await seed.store.conversations.summaries(identity(scene.ann), for_ever)
        assert (line.unread_count, line.latest) == (0, None)

    async def test_nothing_is_unread_before_ones_own_message(self, seed: Seed) -> None:
        """Whoever answers has read, though a legacy client cannot say so."""
        scene = await Scene(seed).prepare()
        await scene.has(scene.new("unread", sender=scene.bob))
        (line,) = await seed.store.conversations.summaries(identity(scene.ann), scene.now)
        assert line.unread_count == 1
        await scene.has(scene.new("own", sender=scene.ann, seconds=1))
        (line,) = await seed.store.conversations.summaries(identity(scene.ann), scene.now)
        assert line.unread_count == 0
        await scene.has(scene.new("news", sender=scene.bob, seconds=2))
        (line,) = await seed.store.conversations.summaries(identity(scene.ann), scene.now)
        assert line.unread_count == 1

    async def test_unread_are_counted_for_each_conversation_and_up_to_a_limit(self, seed: Seed) -> None:
        """One read to the end, one never opened, one with more than anybody counts."""
        scene = await Scene(seed).prepare()
        quiet, busy = await scene.conversation(), await scene.conversation()
        read = await scene.has(scene.new(sender=scene.bob))
        await seed.read(read.id, scene.ann.id)
        await scene.has(scene.new(sender=scene.bob, room=quiet))
        for number in range(UNREAD_LIMIT + 1):
            await scene.has(scene.new(sender=scene.bob, room=busy, seconds=number))
        lines = await seed.store.conversations.summaries(identity(scene.ann), scene.now)
        assert {line.id: line.unread_count for line in lines} == {scene.room: 0, quiet: 1, busy: UNREAD_LIMIT}

    async def test_nobodys_list_is_empty(self, seed: Seed) -> None:
        """No error either."""
        assert list(await seed.store.conversations.summaries(identity(person()), some_time())) == []
