"""What every adapter promises about receipts."""

from __future__ import annotations

import uuid

from bridge.models import MessageId
from tests.contract.scene import Scene, Seed, identity


class ReceiptsContract:
    """Who has read what."""

    async def test_unread_are_others_messages_of_this_conversation(self, seed: Seed) -> None:
        """Own ones, those of elsewhere, read ones and unknown ones are not; the order is that of the question."""
        scene = await Scene(seed).prepare()
        elsewhere = await scene.conversation()
        second = await scene.has(scene.new("second", seconds=2, sender=scene.bob))
        first = await scene.has(scene.new("first", seconds=1, sender=scene.bob))
        read = await scene.has(scene.new("read", sender=scene.bob))
        own = await scene.has(scene.new("own", sender=scene.ann))
        foreign = await scene.has(scene.new("foreign", sender=scene.bob, room=elsewhere))
        await seed.read(read.id, scene.ann.id)
        await seed.read(first.id, scene.bob.id)
        asked = [second.id, MessageId(str(uuid.uuid4())), first.id, read.id, own.id, foreign.id, second.id]
        unread = await seed.store.receipts.unread_among(scene.room, identity(scene.ann), asked)
        assert list(unread) == [second.id, first.id]

    async def test_what_is_marked_is_unread_no_more(self, seed: Seed) -> None:
        """For this reader only; marking again does no harm."""
        scene = await Scene(seed).prepare()
        message = await scene.has(scene.new(sender=scene.bob))
        for _ in range(2):
            await seed.store.receipts.mark_read(scene.ann.id, [message.id], scene.now)
        assert not await seed.store.receipts.unread_among(scene.room, identity(scene.ann), [message.id])
        [line] = await seed.store.conversations.summaries(identity(scene.ann), scene.now)
        assert line.unread_count == 0

    async def test_many_are_asked_for_at_once(self, seed: Seed) -> None:
        """More than one address can hold."""
        scene = await Scene(seed).prepare()
        message = await scene.has(scene.new(sender=scene.bob))
        asked = [*(MessageId(str(uuid.uuid4())) for _ in range(250)), message.id]
        assert list(await seed.store.receipts.unread_among(scene.room, identity(scene.ann), asked)) == [message.id]
