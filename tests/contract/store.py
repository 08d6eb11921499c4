"""What every adapter of the Store port promises; the docstrings of bridge.store are the text of it.

An adapter's test module gives a fixture `seed` (see `Seed`) and subclasses the suites. Nothing here assumes that the
tables are empty: every test makes its own people and conversations, at times of its own.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest
from msgspec.structs import replace

from bridge.errors import StoreRefused
from bridge.ids import new_message_id
from bridge.models import (
    LARGEST_INTEGER,
    MOST_DAYS,
    AuthId,
    ConversationId,
    Identity,
    Message,
    MessageId,
    NewMessage,
    Position,
    Profile,
    Quote,
    User,
    UserId,
)
from bridge.store import Store
from bridge.store.unread import UNREAD_LIMIT


class Seed(Protocol):
    """How a test puts rows into the tables, as legacy writers and administrators do."""

    @property
    def store(self) -> Store:
        """Return the adapter."""
        ...

    async def user(self, user: User) -> None:
        """Insert a users row; rows are as old as the order of the calls says."""
        ...

    async def conversation(self, kind: str, *, created_by: UserId | None = None) -> ConversationId:
        """Insert an empty conversation; the old REST create left out who made it."""
        ...

    async def participant(self, conversation_id: ConversationId, user_id: UserId, *, left: bool = False) -> None:
        """Insert a participant row, of a member or of somebody who left."""
        ...

    async def role(self, conversation_id: ConversationId, user_id: UserId) -> str | None:
        """Return the role in a participant row; None without one."""
        ...

    async def message(self, message: NewMessage, *, deleted: bool = False) -> None:
        """Insert a message; expires_at is set by the tables, some days after now or after created_at."""
        ...

    async def read(self, message_id: MessageId, user_id: UserId) -> None:
        """Insert a message_status row that says read."""
        ...

    async def change(
        self, message_id: MessageId, *, edited_at: datetime | None = None, deleted_at: datetime | None = None
    ) -> None:
        """Set both times of a message."""
        ...


def some_time() -> datetime:
    """Return a time in the far future that no other test uses, so that a shared table is as good as an empty one."""
    return datetime(2100, 1, 1, tzinfo=UTC) + timedelta(seconds=uuid.uuid4().int % 10**9)


def person(name: str = "Person", **changes: str | None) -> User:
    """Return a users row that is not yet in the tables."""
    unique = uuid.uuid4()
    columns: dict[str, str | None] = {
        "id": str(unique),
        "auth_user_id": str(uuid.uuid4()),
        "username": f"u{unique.hex}",
        "display_name": name,
        "phone_number": f"+{unique.int % 10**15}",
        "avatar_url": None,
        **changes,
    }
    return User(**columns)  # type: ignore[arg-type]  # columns by name


def profile(user: User) -> Profile:
    """Return what others see of a user."""
    return Profile(id=user.id, username=user.username, display_name=user.display_name, avatar_url=user.avatar_url)


def identity(user: User) -> Identity:
    """Return both ids."""
    return Identity(user_id=user.id, auth_id=AuthId(user.auth_user_id or "none"))


class Scene:
    """Two people, the conversations between them, and a time of their own."""

    def __init__(self, seed: Seed) -> None:
        self.seed = seed
        self.store = seed.store
        self.start = some_time()
        # Before anything can expire, whether the tables count from now or from created_at.
        self.now = datetime(2020, 1, 1, tzinfo=UTC)
        self.ann, self.bob = person("Ann"), person("Bob", avatar_url="https://example.org/b.png")
        self.room = ConversationId("not yet")

    @property
    def viewer(self) -> Identity:
        """Return who looks at the pages."""
        return identity(self.ann)

    async def prepare(self, kind: str = "room") -> Scene:
        """Put them into the tables."""
        for user in (self.ann, self.bob):
            await self.seed.user(user)
        self.room = await self.conversation(kind)
        return self

    async def conversation(self, kind: str = "room") -> ConversationId:
        """Insert another conversation of the two."""
        made = await self.seed.conversation(kind)
        for user in (self.ann, self.bob):
            await self.seed.participant(made, user.id)
        return made

    def new(
        self,
        content: str = "hello",
        *,
        seconds: float = 0,
        sender: User | None = None,
        room: ConversationId | None = None,
        reply_to: MessageId | None = None,
        metadata: dict[str, object] | None = None,
    ) -> NewMessage:
        """Return a message so many seconds after the start."""
        created_at = self.start + timedelta(seconds=seconds)
        return NewMessage(
            id=new_message_id(created_at),
            conversation_id=room or self.room,
            sender_id=(sender or self.ann).id,
            reply_to_id=reply_to,
            message_type="text",
            content=content,
            metadata=metadata or {},
            created_at=created_at,
        )

    async def has(self, message: NewMessage, *, deleted: bool = False) -> NewMessage:
        """Insert a message as a legacy writer does."""
        await self.seed.message(message, deleted=deleted)
        return message

    async def page(self, *, before: Position | None = None, limit: int = 50) -> list[Message]:
        """Return a page of the room."""
        return list(await self.store.messages.page(self.room, self.viewer, before=before, limit=limit, now=self.now))


def place(message: NewMessage | Message) -> Position:
    """Return where a message stands."""
    return Position(message.created_at, message.id)


class UsersContract:
    """People."""

    async def test_rows_are_found_by_auth_id_the_oldest_first(self, seed: Seed) -> None:
        """Linked rows in the order of their age, then the row whose id it is."""
        auth_id = AuthId(str(uuid.uuid4()))
        same = person("Same", id=auth_id, auth_user_id=None)
        linked = [person(f"Linked {number}", auth_user_id=auth_id) for number in range(3)]
        for user in (same, *linked):
            await seed.user(user)
        assert list(await seed.store.users.by_auth_id(auth_id)) == [*linked, same]

    async def test_a_row_that_is_linked_and_has_the_id_is_found_once(self, seed: Seed) -> None:
        """Users like A."""
        auth_id = str(uuid.uuid4())
        user = person("A", id=auth_id, auth_user_id=auth_id)
        await seed.user(user)
        assert list(await seed.store.users.by_auth_id(AuthId(auth_id))) == [user]

    async def test_an_unknown_auth_id_has_no_rows(self, seed: Seed) -> None:
        """E."""
        assert list(await seed.store.users.by_auth_id(AuthId(str(uuid.uuid4())))) == []

    async def test_rows_are_found_by_phone_the_oldest_first(self, seed: Seed) -> None:
        """By any of the numbers, linked or not, exactly as they are stored."""
        first, second = person("First", auth_user_id=None), person("Second")
        await seed.user(first)
        await seed.user(second)
        numbers = {first.phone_number, second.phone_number, "+0"}
        assert list(await seed.store.users.by_phone(numbers)) == [first, second]
        assert list(await seed.store.users.by_phone([first.phone_number.removeprefix("+")])) == []

    async def test_profiles_are_found_by_id(self, seed: Seed) -> None:
        """Unknown ids are absent."""
        user = person(avatar_url="https://example.org/p.png")
        await seed.user(user)
        found = await seed.store.users.profiles([user.id, UserId(str(uuid.uuid4()))])
        assert dict(found) == {user.id: profile(user)}


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


class TypingContract:
    """Typing rows."""

    async def test_a_state_can_be_written_again_and_again(self, seed: Seed) -> None:
        """The first time and every other; what the table then holds is each adapter's own test."""
        scene = await Scene(seed).prepare()
        for is_typing in (True, False, True):
            await seed.store.typing.set(scene.room, scene.ann.id, is_typing=is_typing, now=scene.now)
