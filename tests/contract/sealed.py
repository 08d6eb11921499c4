"""What every adapter promises about sealed copies (DB-3)."""

from __future__ import annotations

import uuid

import pytest

from bridge.content import NOTHING
from bridge.errors import StoreRefused
from bridge.models import ContentState, MessageId, NewMessage, UserId
from tests.contract.scene import Scene, Seed, identity

SEALED = r'{"v":1,"alg":"x","c":"☺ \\ \x41"}'


class SealedContract:
    """Sealed copies."""

    async def _sent(self, scene: Scene, seconds: float = 0, **copies: str) -> NewMessage:
        """Write a sealed message with copies for "ann" and "bob"."""
        new = scene.new("", seconds=seconds)
        await scene.store.messages.insert(new)
        people = {"ann": scene.ann, "bob": scene.bob}
        await scene.store.copies.seal(new.id, {people[name].id: copy for name, copy in copies.items()})
        return new

    async def test_copies_are_written_and_read_by_recipient(self, seed: Seed) -> None:
        """Opaque; messages without copies are absent."""
        scene = await Scene(seed).prepare()
        assert scene.store.copies.available
        new = await self._sent(scene, ann=SEALED, bob="for bob")
        plain = await scene.has(scene.new())
        assert await scene.store.copies.of([new.id, plain.id], scene.now) == {
            new.id: {scene.ann.id: SEALED, scene.bob.id: "for bob"}
        }
        assert await scene.store.copies.of([], scene.now) == {}

    async def test_a_repeated_seal_changes_nothing(self, seed: Seed) -> None:
        """What was delivered already stays."""
        scene = await Scene(seed).prepare()
        new = await self._sent(scene, ann="first")
        await scene.store.copies.seal(new.id, {scene.ann.id: "second", scene.bob.id: "second"})
        assert await scene.store.copies.of([new.id], scene.now) == {
            new.id: {scene.ann.id: "first", scene.bob.id: "second"}
        }

    async def test_copies_for_nobody_or_of_nothing_are_refused(self, seed: Seed) -> None:
        """All of them: a message is sealed for everybody it names or for nobody."""
        scene = await Scene(seed).prepare()
        new = await self._sent(scene, ann="copy")
        with pytest.raises(StoreRefused):
            await scene.store.copies.seal(new.id, {scene.bob.id: "x", UserId(str(uuid.uuid4())): "x"})
        with pytest.raises(StoreRefused):
            await scene.store.copies.seal(MessageId(str(uuid.uuid4())), {scene.ann.id: "x"})
        assert await scene.store.copies.of([new.id], scene.now) == {new.id: {scene.ann.id: "copy"}}

    async def test_a_page_shows_each_viewer_its_own_copy_and_plain_rows_beside_it(self, seed: Seed) -> None:
        """Old rows stay visible, one's own included (contract F46)."""
        scene = await Scene(seed).prepare()
        await scene.has(scene.new("plain"))
        first = await self._sent(scene, 1, ann="for ann", bob="for bob")
        second = await self._sent(scene, 2, bob="only bob")
        pages = [
            await scene.store.messages.page(scene.room, identity(viewer), before=None, limit=9, now=scene.now)
            for viewer in (scene.ann, scene.bob)
        ]
        assert [[message.content for message in page] for page in pages] == [
            ["plain", "for ann", ""],
            ["plain", "for bob", "only bob"],
        ]
        assert [message.state for message in pages[0]] == [
            ContentState.PLAIN,
            ContentState.SEALED,
            ContentState.UNAVAILABLE,
        ]
        by_ids = await scene.store.messages.by_ids([first.id, second.id])
        assert [(message.content, message.state) for message in by_ids] == [NOTHING, NOTHING]

    async def test_a_reply_shows_the_viewers_copy_of_the_original(self, seed: Seed) -> None:
        """On a page; read by its id it is closed."""
        scene = await Scene(seed).prepare()
        original = await self._sent(scene, ann="for ann", bob="for bob")
        await scene.has(scene.new("reply", seconds=1, reply_to=original.id))
        quote = (await scene.page())[1].reply_to
        assert quote is not None
        assert (quote.content, quote.state) == ("for ann", ContentState.SEALED)
        closed = await scene.store.messages.quote(original.id)
        assert closed is not None
        assert (closed.content, closed.state) == NOTHING

    async def test_the_list_shows_the_viewers_copy_of_the_latest(self, seed: Seed) -> None:
        """And nothing to somebody without one."""
        scene = await Scene(seed).prepare()
        await self._sent(scene, bob="for bob")
        shown = [
            [one.latest for one in await scene.store.conversations.summaries(identity(viewer), scene.now)]
            for viewer in (scene.ann, scene.bob)
        ]
        assert [[one.content for one in latest if one] for latest in shown] == [[""], ["for bob"]]

    async def test_withdrawing_takes_the_copies_along(self, seed: Seed) -> None:
        """Nothing half-made remains (contract F49)."""
        scene = await Scene(seed).prepare()
        new = await self._sent(scene, ann="copy")
        assert await scene.store.messages.withdraw(new)
        assert await scene.store.copies.of([new.id], scene.now) == {}
