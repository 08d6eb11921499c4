"""load_messages and load_more_messages: the newest page, and page by page back to the first message."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.actions.loading import DEFAULT_PAGE, MAX_PAGE
from bridge.errors import ACCESS_DENIED, MISSING_CONVERSATION_ID
from bridge.models import MessageId
from tests.actions.performing import contents, perform, refusal
from tests.parts import Parts
from tests.people import BIRTH, EVERY_KIND, OTHER_ROOM, ROOM, A, B, C, Person, X, conversation_id, message, message_id


def filled(count: int) -> Parts:
    """Return parts with so many messages in the room."""
    parts = Parts()
    for number in range(1, count + 1):
        parts.legacy_insert(message(number, content=str(number)))
    return parts


def numbers(first: int, last: int) -> list[str]:
    """Return the contents from first to last."""
    return [str(number) for number in range(first, last + 1)]


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_a_page_is_the_newest_messages_ascending(person: Person) -> None:
    """The original gave the oldest, so that after 50 messages new ones never showed (contract F26)."""
    page = await perform(filled(120), person, "load_messages", conversationId=ROOM)
    assert contents(page) == numbers(71, 120)
    assert (page["conversationId"], page["hasMore"]) == (ROOM, True)
    assert page["messages"][0]["sender"]["username"] == "b"


async def test_pages_walk_back_to_the_first_message() -> None:
    """hasMore is true only if more exist (contract F26)."""
    parts = filled(120)
    page = await perform(parts, A, "load_messages", conversationId=ROOM)
    seen = [contents(page)]
    while page["hasMore"]:
        page = await perform(
            parts, A, "load_more_messages", conversationId=ROOM, beforeMessageId=page["messages"][0]["id"]
        )
        seen.append(contents(page))
    assert seen == [numbers(71, 120), numbers(21, 70), numbers(1, 20)]


@pytest.mark.parametrize(("count", "has_more"), [(0, False), (1, False), (49, False), (50, False), (51, True)])
async def test_has_more_is_true_only_if_there_is_more(count: int, *, has_more: bool) -> None:
    """A full page is not a sign of more."""
    page = await perform(filled(count), A, "load_messages", conversationId=ROOM)
    assert page["hasMore"] is has_more
    assert len(page["messages"]) == min(count, DEFAULT_PAGE)


@pytest.mark.parametrize(
    ("limit", "size"),
    [(1, 1), (7, 7), ("7", 7), (7.0, 7), (None, 50), (0, 1), (-5, 1), (MAX_PAGE, 200), (201, 200), (10**30, 200)],
)
async def test_a_page_is_of_the_size_asked_for_within_limits(limit: object, size: int) -> None:
    """A client can ask for anything."""
    parts = filled(205)
    newest = await perform(parts, A, "load_messages", conversationId=ROOM, limit=limit)
    older = await perform(
        parts, A, "load_more_messages", conversationId=ROOM, beforeMessageId=message_id(205), limit=limit
    )
    assert contents(newest) == numbers(206 - size, 205)
    assert contents(older) == numbers(205 - size, 204)


MALFORMED = [{}, {"conversationId": None}, {"conversationId": ""}, {"conversationId": 5}, {"conversationId": [ROOM]}]


@pytest.mark.parametrize("payload", [*MALFORMED, {"conversationId": ROOM, "limit": "many"}], ids=str)
async def test_loading_needs_a_conversation(payload: dict[str, object]) -> None:
    """Also told to strangers, before membership is looked at."""
    assert await refusal(Parts(), A, "load_messages", **payload) == MISSING_CONVERSATION_ID
    assert await refusal(Parts(), X, "load_messages", **payload) == MISSING_CONVERSATION_ID


@pytest.mark.parametrize(
    "payload",
    [
        *MALFORMED,
        {"conversationId": ROOM},
        {"conversationId": ROOM, "beforeMessageId": ""},
        {"conversationId": ROOM, "beforeMessageId": None},
        {"conversationId": ROOM, "beforeMessageId": 5},
        {"conversationId": "", "beforeMessageId": message_id(1)},
    ],
    ids=str,
)
async def test_loading_more_needs_a_conversation_and_a_message(payload: dict[str, object]) -> None:
    """The same text for either."""
    for person in (A, X):
        fault = await refusal(Parts(), person, "load_more_messages", **payload)
        assert (fault.code.value, fault.text) == (
            "MISSING_REQUIRED_FIELDS",
            "Conversation ID and beforeMessageId are required",
        )


@pytest.mark.parametrize("conversation", [ROOM, conversation_id(99), "nonsense"])
async def test_strangers_load_nothing(conversation: str) -> None:
    """Not even whether the message they name exists (contract F7)."""
    parts = filled(1)
    assert await refusal(parts, X, "load_messages", conversationId=conversation) == ACCESS_DENIED
    for named in (message_id(1), message_id(99), "nonsense"):
        payload = {"conversationId": conversation, "beforeMessageId": named}
        assert await refusal(parts, X, "load_more_messages", **payload) == ACCESS_DENIED
    assert parts.store.asked("messages.position") == 0


async def test_a_message_of_another_conversation_is_no_place_in_this_one() -> None:
    """Nor is an unknown or malformed id, or one with a filter in it."""
    parts = filled(1)
    foreign = parts.legacy_insert(message(2, C, conversation=OTHER_ROOM))
    for named in (foreign.id, message_id(99), "nonsense", f"{ROOM}),or(id.neq.0"):
        fault = await refusal(parts, C, "load_more_messages", conversationId=ROOM, beforeMessageId=named)
        assert (fault.code.value, fault.text) == ("MESSAGE_NOT_FOUND", "Before message not found")


async def test_a_message_deleted_meanwhile_is_still_a_place() -> None:
    """A client that shows it can page on."""
    parts = filled(3)
    parts.legacy_insert(replace(message(3), deleted_at=BIRTH))
    page = await perform(parts, A, "load_more_messages", conversationId=ROOM, beforeMessageId=message_id(3))
    assert contents(page) == ["1", "2"]


async def test_ids_are_read_in_any_case() -> None:
    """The answer names the conversation as the rows do."""
    parts = filled(2)
    page = await perform(
        parts, A, "load_more_messages", conversationId=ROOM.upper(), beforeMessageId=message_id(2).upper()
    )
    assert (contents(page), page["conversationId"]) == (["1"], ROOM)
    assert (await perform(parts, A, "load_messages", conversationId=ROOM.upper()))["conversationId"] == ROOM


async def test_deleted_and_expired_messages_are_not_loaded() -> None:
    """Judged by the bridge's clock (contract F48)."""
    parts = filled(3)
    parts.legacy_insert(replace(message(1), deleted_at=BIRTH))
    parts.legacy_insert(replace(message(2), expires_at=BIRTH + timedelta(seconds=10)))
    parts.clock.advance(9.9)
    assert len(contents(await perform(parts, A, "load_messages", conversationId=ROOM))) == 2
    parts.clock.advance(0.1)
    assert contents(await perform(parts, A, "load_messages", conversationId=ROOM)) == ["3"]


async def test_a_row_dated_by_a_wrong_clock_is_loaded() -> None:
    """An hour ahead or behind (contract F25)."""
    parts = filled(1)
    for number, hours in ((2, 1), (3, -1)):
        parts.legacy_insert(message(number, content=str(number), at=BIRTH + timedelta(hours=hours)))
    assert contents(await perform(parts, A, "load_messages", conversationId=ROOM)) == ["3", "1", "2"]


async def test_a_foreign_original_in_a_row_is_not_shown() -> None:
    """Somebody may have inserted such a reply with SQL (contract F10)."""
    parts = filled(0)
    foreign = parts.legacy_insert(message(1, X, conversation=OTHER_ROOM, content="secret"))
    parts.legacy_insert(message(2, B, reply_to=foreign.id))
    page = await perform(parts, A, "load_messages", conversationId=ROOM)
    assert page["messages"][0]["reply_to_id"] == foreign.id
    assert "reply_to" not in page["messages"][0]
    assert "secret" not in str(page)


async def test_what_was_shown_can_be_replied_to_without_reading_it_again() -> None:
    """A reply costs no more round trips than a send."""
    parts = filled(1)
    await perform(parts, A, "load_messages", conversationId=ROOM)
    await perform(parts, A, "send_message", conversationId=ROOM, content="re", replyToId=message_id(1))
    assert parts.store.asked("messages.quote") == 0


@given(st.lists(st.integers(0, 3), max_size=25), st.integers(1, 6), st.randoms(use_true_random=False))
async def test_paging_shows_every_message_exactly_once(seconds: list[int], limit: int, random: Random) -> None:
    """Though many have the same time and their ids are in another order (contract F25)."""
    parts = Parts()
    ids = list(range(1, len(seconds) + 1))
    random.shuffle(ids)
    for number, second in zip(ids, seconds, strict=True):
        parts.legacy_insert(message(number, at=BIRTH + timedelta(seconds=second)))
    page = await perform(parts, B, "load_messages", conversationId=ROOM, limit=limit)
    shown = page["messages"]
    while page["hasMore"]:
        before = MessageId(shown[0]["id"])
        page = await perform(parts, B, "load_more_messages", conversationId=ROOM, beforeMessageId=before, limit=limit)
        assert len(page["messages"]) <= limit
        shown = page["messages"] + shown
    assert [one["id"] for one in shown] == [one.id for one in parts.stored()]
