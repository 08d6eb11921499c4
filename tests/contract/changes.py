"""What every adapter promises about finding what has changed: single lines of the list, edited and deleted messages."""

from __future__ import annotations

import uuid
from datetime import timedelta

from bridge.models import ConversationId, Position
from tests.contract.scene import Scene, Seed, identity, person, place

SECOND = timedelta(seconds=1)


class ChangesContract:
    """Lines of the list, and messages that are not as they were."""

    async def test_a_single_line_is_that_of_the_list(self, seed: Seed) -> None:
        """With its latest message, what is unread, and the row that makes one a member; as each of the two sees it."""
        scene = await Scene(seed).prepare("direct")
        await scene.conversation("room")
        await scene.has(scene.new("hello", sender=scene.bob))
        for user, unread in ((scene.ann, 1), (scene.bob, 0)):
            lines = await seed.store.conversations.summaries(identity(user), scene.now)
            line = await seed.store.conversations.summary(identity(user), scene.room, scene.now)
            assert line == next(one for one in lines if one.id == scene.room)
            assert line.unread_count == unread
            rows = await seed.store.conversations.participants(scene.room)
            assert line.own_rows == tuple(row for row in rows if row.user_id == user.id)
            assert [row.role for row in line.own_rows] == ["member"]

    async def test_there_is_no_line_for_who_is_no_member(self, seed: Seed) -> None:
        """A stranger, somebody who left, a conversation of nobody."""
        scene = await Scene(seed).prepare()
        former = person("Former")
        await seed.user(former)
        await seed.participant(scene.room, former.id, left=True)
        for user in (person("Stranger"), former):
            assert await seed.store.conversations.summary(identity(user), scene.room, scene.now) is None
        nowhere = ConversationId(str(uuid.uuid4()))
        assert await seed.store.conversations.summary(identity(scene.ann), nowhere, scene.now) is None

    async def test_what_was_edited_or_deleted_since_is_found(self, seed: Seed) -> None:
        """At that moment or later, in any conversation, in order of age; deleted ones too."""
        scene = await Scene(seed).prepare()
        other = await scene.conversation()
        since = scene.start + timedelta(hours=1)
        untouched = await scene.has(scene.new(seconds=0))
        edited = await scene.has(scene.new(seconds=1))
        deleted = await scene.has(scene.new(seconds=2, room=other))
        earlier = await scene.has(scene.new(seconds=3))
        await seed.change(edited.id, edited_at=since)
        await seed.change(deleted.id, deleted_at=since + SECOND)
        await seed.change(earlier.id, edited_at=since - SECOND)
        found = await seed.store.messages.changed_since(since, written_since=scene.start, after=None, limit=10)
        mine = [one for one in found if one.id in {untouched.id, edited.id, deleted.id, earlier.id}]
        assert mine == [place(edited), place(deleted)]

    async def test_changes_are_found_page_by_page_and_not_of_old_messages(self, seed: Seed) -> None:
        """Equal times of writing are told apart by the id."""
        scene = await Scene(seed).prepare()
        since = scene.start + timedelta(hours=1)
        old = await scene.has(scene.new(seconds=-1))
        new = [await scene.has(scene.new(seconds=0)) for _ in range(5)]
        for message in (old, *new):
            await seed.change(message.id, edited_at=since)
        found: list[Position] = []
        while page := await seed.store.messages.changed_since(
            since, written_since=scene.start, after=found[-1] if found else None, limit=2
        ):
            assert len(page) <= 2
            found += page
        assert [one for one in found if one.created_at == scene.start] == sorted(place(message) for message in new)
        assert old.id not in {one.id for one in found}
