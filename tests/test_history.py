"""What was told lately, and cursors into it."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import FakeClock
from bridge.events import MessageSent
from bridge.history import ENTRY_CHARACTERS, MAX_AGE_SECONDS, History
from tests.people import A, B, message

MEMBERS = frozenset((A.user_id, B.user_id))


def told(history: History, number: int, content: str | None = None) -> str:
    """Record a message."""
    return history.record(MessageSent(message=message(number, content=content)), MEMBERS)


def missed(history: History, cursor: str) -> list[str] | None:
    """Return the contents of what was told after a cursor."""
    entries = history.after(cursor)
    if entries is None:
        return None
    return [entry.event.message.content for entry in entries if isinstance(entry.event, MessageSent)]


def test_what_was_told_after_a_cursor_is_known_in_order() -> None:
    """Nothing after the last one; everything after one from before the first."""
    history = History(FakeClock())
    beginning = history.cursor()
    cursors = [told(history, number) for number in range(3)]
    assert missed(history, beginning) == ["legacy 0", "legacy 1", "legacy 2"]
    assert missed(history, cursors[0]) == ["legacy 1", "legacy 2"]
    assert missed(history, cursors[2]) == []
    assert missed(history, history.cursor()) == []


def test_a_cursor_is_a_uuid_and_never_repeated() -> None:
    """It is the request id of a push, which has to be fresh (contract F15)."""
    history = History(FakeClock())
    cursors = [history.cursor() for _ in range(100)] + [told(history, 1)]
    assert len(set(cursors)) == 101
    assert all(str(UUID(one)) == one and UUID(one).version == 8 for one in cursors)


@pytest.mark.parametrize(
    "cursor", ["", "x", "é" * 36, "3f0c1f6e-2b57-4c8e-9d0a-7c5d1e8b4a21", "00000000-0000-8000-8000-000000000000"]
)
def test_what_is_no_cursor_of_this_process_resumes_nothing(cursor: str) -> None:
    """Whatever a client shows."""
    assert missed(History(FakeClock()), cursor) is None


def test_a_cursor_of_another_process_resumes_nothing() -> None:
    """Nor one from before a restart."""
    mine, other = History(FakeClock()), History(FakeClock())
    told(mine, 1)
    assert missed(mine, other.cursor()) is None


def test_all_or_nothing() -> None:
    """Once the first entry after a cursor is forgotten, nothing after it is told."""
    history = History(FakeClock(), max_entries=3)
    cursors = [history.cursor(), *(told(history, number) for number in range(4))]
    assert [missed(history, cursor) is not None for cursor in cursors] == [False, True, True, True, True]


def test_entries_are_forgotten_by_size() -> None:
    """Long messages count as what they are."""
    history = History(FakeClock(), max_characters=3 * ENTRY_CHARACTERS + 1000)
    beginning = history.cursor()
    told(history, 1, "x" * 900)
    told(history, 2)
    assert missed(history, beginning) is not None
    told(history, 3, "x" * 900)
    assert missed(history, beginning) is None


def test_entries_are_forgotten_by_age() -> None:
    """When the next one comes."""
    clock = FakeClock()
    history = History(clock)
    beginning = history.cursor()
    first = told(history, 1)
    clock.advance(MAX_AGE_SECONDS + 1)
    assert missed(history, beginning) == ["legacy 1"]
    told(history, 2)
    assert missed(history, beginning) is None
    assert missed(history, first) == ["legacy 2"]


def test_what_was_told_since_a_moment_is_known() -> None:
    """For clients that cannot ask."""
    clock = FakeClock()
    history = History(clock)
    for number in range(3):
        told(history, number)
        clock.advance(10)
    since = [entry.event.key for entry in history.since(clock.monotonic() - 20)]
    assert since == ["sent:" + message(number).id for number in (1, 2)]


@given(st.lists(st.booleans(), max_size=30), st.data())
def test_replaying_from_any_cursor_gives_exactly_the_rest(kept: list[bool], data: st.DataObject) -> None:
    """Whatever was told in between, ephemeral pushes included."""
    history = History(FakeClock(), max_entries=50)
    cursors: list[tuple[int, str]] = [(0, history.cursor())]
    count = 0
    for is_kept in kept:
        if is_kept:
            count += 1
            cursors.append((count, told(history, count)))
        else:
            cursors.append((count, history.cursor()))
    place, cursor = data.draw(st.sampled_from(cursors))
    assert missed(history, cursor) == [f"legacy {number}" for number in range(place + 1, count + 1)]


def test_what_could_not_be_told_is_taken_back() -> None:
    """The last entry only; a later cursor still resumes."""
    history = History(FakeClock())
    beginning, first, second = history.cursor(), told(history, 1), told(history, 2)
    history.take_back(first)
    assert missed(history, beginning) == ["legacy 1", "legacy 2"]
    history.take_back(second)
    assert missed(history, beginning) == ["legacy 1"]
    told(history, 3)
    assert missed(history, first) == ["legacy 3"]
