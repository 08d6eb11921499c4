"""Originals of replies are kept for a while and never shown outside their conversation."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bridge.errors import StoreDown
from bridge.models import Quote
from bridge.quotes import CHANGE_REMEMBERED_SECONDS, MAX_AGE_SECONDS, MAX_CONTENT_CHARACTERS
from tests.parts import Parts
from tests.people import BIRTH, OTHER_ROOM, ROOM, B, message, message_id

QUOTE = Quote(id=message_id(1), conversation_id=ROOM, sender_id=B.user_id, content="legacy 1")


async def test_an_original_is_read_when_it_is_not_known() -> None:
    """From the tables, by id."""
    parts = Parts()
    parts.legacy_insert(message(1))
    assert await parts.context.quotes.within(ROOM, message_id(1)) == QUOTE


async def test_an_original_that_was_just_shown_is_not_read_again() -> None:
    """Whoever replies has usually just seen it; after five minutes it is read again."""
    parts = Parts()
    parts.legacy_insert(message(1))
    parts.context.quotes.remember(message(1))
    assert await parts.context.quotes.within(ROOM, message_id(1)) == QUOTE
    assert parts.store.asked("messages.quote") == 0
    parts.clock.advance(MAX_AGE_SECONDS + 0.001)
    assert await parts.context.quotes.within(ROOM, message_id(1)) == QUOTE
    assert parts.store.asked("messages.quote") == 1


@pytest.mark.parametrize("is_kept", [True, False])
async def test_an_original_of_another_conversation_is_not_shown(*, is_kept: bool) -> None:
    """A reply must not leak what its author cannot see (contract F10)."""
    parts = Parts()
    parts.legacy_insert(message(1))
    if is_kept:
        parts.context.quotes.remember(message(1))
    assert await parts.context.quotes.within(OTHER_ROOM, message_id(1)) is None


async def test_a_missing_or_deleted_original_is_not_shown() -> None:
    """As a page shows it."""
    parts = Parts()
    assert await parts.context.quotes.within(ROOM, message_id(1)) is None
    parts.legacy_insert(replace(message(1), deleted_at=BIRTH))
    assert await parts.context.quotes.within(ROOM, message_id(1)) is None


async def test_a_deleted_message_is_not_kept() -> None:
    """Nobody is shown it any more, so nobody replies to it."""
    parts = Parts()
    parts.context.quotes.remember(replace(message(1), deleted_at=BIRTH))
    assert await parts.context.quotes.within(ROOM, message_id(1)) is None


async def test_long_messages_are_not_kept() -> None:
    """Thousands of them would fill the memory; they are read when somebody replies."""
    parts = Parts()
    long = parts.legacy_insert(message(1, content="x" * (MAX_CONTENT_CHARACTERS + 1)))
    parts.context.quotes.remember(long)
    quote = await parts.context.quotes.within(ROOM, message_id(1))
    assert quote is not None
    assert quote.content == long.content
    assert parts.store.asked("messages.quote") == 1


async def test_tables_that_do_not_answer_are_no_missing_original() -> None:
    """A reply is then refused for the right reason."""
    parts = Parts()
    parts.door.failing["messages.quote"] = StoreDown()
    with pytest.raises(StoreDown):
        await parts.context.quotes.within(ROOM, message_id(1))


async def test_an_original_that_changed_is_read_again() -> None:
    """One of them, or all of them after a gap."""
    parts = Parts()
    for number in (1, 2):
        parts.legacy_insert(message(number))
        parts.context.quotes.remember(message(number))
    parts.context.quotes.forget(message_id(1))
    parts.context.quotes.forget(message_id(3))
    for number, asked in ((1, 1), (2, 1)):
        assert await parts.context.quotes.within(ROOM, message_id(number)) is not None
        assert parts.store.asked("messages.quote") == asked
    parts.context.quotes.forget_all()
    assert await parts.context.quotes.within(ROOM, message_id(2)) is not None
    assert parts.store.asked("messages.quote") == 2


async def test_what_was_read_before_a_change_and_comes_after_it_is_not_kept() -> None:
    """A page is on its way while one of its messages is deleted; a minute later nothing that old is."""
    parts = Parts()
    parts.context.quotes.forget(message_id(1))
    parts.context.quotes.remember(message(1))
    assert await parts.context.quotes.within(ROOM, message_id(1)) is None
    parts.clock.advance(CHANGE_REMEMBERED_SECONDS + 0.001)
    parts.context.quotes.remember(message(1))
    assert await parts.context.quotes.within(ROOM, message_id(1)) == QUOTE
