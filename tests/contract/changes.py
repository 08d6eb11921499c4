"""What every adapter promises about finding what has changed."""

from __future__ import annotations

from datetime import timedelta

from bridge.models import Position
from tests.contract.store import Scene, Seed, place

SECOND = timedelta(seconds=1)


class ChangesContract:
    """Messages that are not as they were."""

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
