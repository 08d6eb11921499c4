"""What every adapter promises about messages: written once, read by pages, by positions and by ids."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from msgspec.structs import replace

from bridge.errors import StoreRefused
from bridge.models import LARGEST_INTEGER, MOST_DAYS, Message, MessageId, NewMessage, Position, Quote
from tests.contract.scene import Scene, Seed, place, profile


class MessagesContract:
    """Messages."""

    async def test_an_inserted_message_is_returned_as_it_is_in_the_table(self, seed: Seed) -> None:
        """With its expiry, and without sender and quote."""
        scene = await Scene(seed).prepare()
        original = await scene.has(scene.new("original"))
        new = scene.new("héllo", seconds=1.000001, reply_to=original.id, metadata={"a": [1, {"b": None}]})
        written = await seed.store.messages.insert(new)
        assert (written.id, written.conversation_id, written.sender_id) == (new.id, scene.room, scene.ann.id)
        assert (written.content, written.metadata, written.reply_to_id) == ("héllo", new.metadata, original.id)
        assert (written.message_type, written.created_at) == ("text", new.created_at)
        assert (written.edited_at, written.deleted_at, written.sender, written.reply_to) == (None, None, None, None)
        assert written.expires_at is not None
        assert list(await seed.store.messages.by_ids([new.id])) == [written]

    @pytest.mark.parametrize("days", [MOST_DAYS, 3_000_000, LARGEST_INTEGER])
    async def test_a_message_is_written_whatever_days_somebody_chose(self, seed: Seed, days: int) -> None:
        """By this bridge or past it, for the conversation or for oneself: nobody can stop the others' sending."""
        scene = await Scene(seed).prepare()
        assert await seed.store.accounts.set_retention_days(scene.ann.id, days)
        by_own_choice = await seed.store.messages.insert(scene.new("mine"))
        assert await seed.store.traits.set_timer(scene.room, days)
        by_timer = await seed.store.messages.insert(scene.new("ours", seconds=1))
        assert None not in (by_own_choice.expires_at, by_timer.expires_at)
        assert [message.content for message in await scene.page()] == ["mine", "ours"]

    async def test_a_message_is_written_once(self, seed: Seed) -> None:
        """A repeat returns the row that is there, whatever it brings."""
        scene = await Scene(seed).prepare()
        new = scene.new("first")
        first = await seed.store.messages.insert(new)
        changed = NewMessage(
            id=new.id,
            conversation_id=new.conversation_id,
            sender_id=new.sender_id,
            reply_to_id=None,
            message_type="text",
            content="second",
            metadata={},
            created_at=new.created_at + timedelta(hours=1),
        )
        assert await seed.store.messages.insert(changed) == first
        assert [message.content for message in await scene.page()] == ["first"]

    async def test_an_unknown_type_is_refused(self, seed: Seed) -> None:
        """By the table's own check; nothing is written."""
        scene = await Scene(seed).prepare()
        new = scene.new()
        poll = NewMessage(**{name: getattr(new, name) for name in new.__struct_fields__} | {"message_type": "poll"})
        with pytest.raises(StoreRefused):
            await seed.store.messages.insert(poll)
        assert await scene.page() == []

    @pytest.mark.parametrize(
        "content",
        ["back\\slash C:\\new", "\\x4142", "\\\\", "\U0001f600", '{"type":"Buffer","data":[]}', "line\nline", '"', " "],
    )
    async def test_any_text_comes_back_unchanged(self, seed: Seed, content: str) -> None:
        """Whatever a person may type (contract F40)."""
        scene = await Scene(seed).prepare()
        assert (await seed.store.messages.insert(scene.new(content))).content == content
        assert [message.content for message in await scene.page()] == [content]

    async def test_a_page_is_the_newest_ascending_with_sender_and_quote(self, seed: Seed) -> None:
        """Deleted ones left out."""
        scene = await Scene(seed).prepare()
        first = await scene.has(scene.new("1", seconds=1))
        await scene.has(scene.new("2", seconds=2), deleted=True)
        await scene.has(scene.new("3", seconds=3, sender=scene.bob, reply_to=first.id))
        page = await scene.page()
        assert [message.content for message in page] == ["1", "3"]
        assert [message.sender for message in page] == [profile(scene.ann), profile(scene.bob)]
        assert page[0].reply_to is None
        assert page[1].reply_to == Quote(id=first.id, conversation_id=scene.room, sender_id=scene.ann.id, content="1")
        assert [message.content for message in await scene.page(limit=1)] == ["3"]

    async def test_pages_of_equal_times_are_told_apart_by_id(self, seed: Seed) -> None:
        """Seven rows of one moment, by threes: each exactly once (contract F25)."""
        scene = await Scene(seed).prepare()
        rows = [await scene.has(scene.new(str(number))) for number in range(7)]
        seen: list[Message] = []
        page = await scene.page(limit=3)
        while page:
            seen = page + seen
            page = await scene.page(before=place(page[0]), limit=3)
        assert [place(message) for message in seen] == sorted(place(row) for row in rows)

    async def test_what_an_attempt_wrote_can_be_withdrawn_and_what_an_earlier_one_wrote_cannot(
        self, seed: Seed
    ) -> None:
        """The earlier attempt may have been answered (contract F49)."""
        scene = await Scene(seed).prepare()
        first = scene.new()
        again = replace(first, created_at=first.created_at + timedelta(seconds=1))
        await seed.store.messages.insert(first)
        await seed.store.messages.insert(again)
        assert not await seed.store.messages.withdraw(again)
        assert [message.id for message in await scene.page()] == [first.id]
        assert await seed.store.messages.withdraw(first)
        assert not await seed.store.messages.withdraw(first)
        assert await scene.page() == []

    async def test_expired_messages_are_not_on_a_page(self, seed: Seed) -> None:
        """From the very moment of their expiry (contract F48)."""
        scene = await Scene(seed).prepare()
        written = await seed.store.messages.insert(scene.new())
        assert written.expires_at is not None
        pages = [
            await seed.store.messages.page(
                scene.room, scene.viewer, before=None, limit=5, now=written.expires_at + difference
            )
            for difference in (timedelta(microseconds=-1), timedelta(0))
        ]
        assert [len(page) for page in pages] == [1, 0]

    async def test_a_quote_of_another_conversation_or_deleted_is_not_on_a_page(self, seed: Seed) -> None:
        """The reply itself is (contract F10)."""
        scene = await Scene(seed).prepare()
        other = await scene.conversation()
        foreign = await scene.has(scene.new("secret", room=other))
        deleted = await scene.has(scene.new("deleted"), deleted=True)
        await scene.has(scene.new("to foreign", seconds=1, reply_to=foreign.id))
        await scene.has(scene.new("to deleted", seconds=2, reply_to=deleted.id))
        page = await scene.page()
        assert [(message.content, message.reply_to) for message in page] == [("to foreign", None), ("to deleted", None)]
        assert [message.reply_to_id for message in page] == [foreign.id, deleted.id]

    async def test_a_message_has_a_position_in_its_conversation_only(self, seed: Seed) -> None:
        """Deleted or not."""
        scene = await Scene(seed).prepare()
        other = await scene.conversation()
        kept = await scene.has(scene.new(seconds=0.123456))
        deleted = await scene.has(scene.new(), deleted=True)
        messages = seed.store.messages
        assert await messages.position(scene.room, kept.id) == place(kept)
        assert await messages.position(scene.room, deleted.id) == place(deleted)
        assert await messages.position(other, kept.id) is None
        assert await messages.position(scene.room, MessageId(str(uuid.uuid4()))) is None

    async def test_a_quote_is_read_by_id(self, seed: Seed) -> None:
        """With its conversation; deleted and unknown ones are none."""
        scene = await Scene(seed).prepare()
        kept = await scene.has(scene.new("kept"))
        deleted = await scene.has(scene.new("deleted"), deleted=True)
        assert await seed.store.messages.quote(kept.id) == Quote(
            id=kept.id, conversation_id=scene.room, sender_id=scene.ann.id, content="kept"
        )
        assert await seed.store.messages.quote(deleted.id) is None
        assert await seed.store.messages.quote(MessageId(str(uuid.uuid4()))) is None

    async def test_messages_are_read_by_ids_in_order(self, seed: Seed) -> None:
        """Deleted ones too; unknown ones are absent; each once."""
        scene = await Scene(seed).prepare()
        later = await scene.has(scene.new("later", seconds=2))
        earlier = await scene.has(scene.new("earlier", seconds=1), deleted=True)
        asked = [later.id, earlier.id, later.id, MessageId(str(uuid.uuid4()))]
        found = await seed.store.messages.by_ids(asked)
        assert [message.content for message in found] == ["earlier", "later"]
        assert [message.deleted_at is None for message in found] == [False, True]
        assert {message.sender for message in found} == {None}

    async def test_positions_since_a_moment_come_page_by_page(self, seed: Seed) -> None:
        """Of all conversations, the moment itself included, deleted ones left out, equal times told apart."""
        scene = await Scene(seed).prepare()
        other = await scene.conversation()
        await scene.has(scene.new("before", seconds=-0.000001))
        rows = [
            await scene.has(scene.new(room=room, seconds=seconds))
            for room in (scene.room, other)
            for seconds in (0, 0, 1, 2)
        ]
        await scene.has(scene.new("deleted", seconds=1), deleted=True)
        seen: list[Position] = []
        while page := await seed.store.messages.positions_since(scene.start, after=seen[-1] if seen else None, limit=3):
            assert len(page) <= 3
            seen += page
            if page[-1].created_at > scene.start + timedelta(seconds=2):
                break  # rows of other tests
        expected = sorted(place(row) for row in rows)
        assert [one for one in seen if one.created_at <= scene.start + timedelta(seconds=2)] == expected

    async def test_the_store_can_be_checked_and_closed(self, seed: Seed) -> None:
        """At start and at the end."""
        await seed.store.check()
        await seed.store.close()
