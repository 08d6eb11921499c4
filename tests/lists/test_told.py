"""What was told is not told again, until it is news again."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from bridge.feed.changes import MessageInserted
from bridge.feed.signals import Live, Lost
from bridge.hub import REMOVAL_REMEMBERED_SECONDS
from bridge.store.memory.tables import conversation_of
from tests.lists.setting import ADDED, BOTH, CAME, CHANGED, NEW, REMOVED, WENT, Setting, kinds
from tests.people import BIRTH, ROOM, A, X, message, uuid_of


async def test_the_same_row_is_told_once_and_another_role_again() -> None:
    """Whatever else is written into it."""
    s = await Setting().live()
    for role in ("member", "member", "admin"):
        await s.enters(X, role=role)
    assert kinds(s.x) == [ADDED, CAME, CAME]
    assert [payload["role"] for _, payload in s.a.told] == ["member", "admin"]
    assert s.store.asked("conversations.summary") == 1


async def test_whoever_comes_back_is_told_again() -> None:
    """Each time, by whichever row."""
    s = await Setting().live()
    for _ in range(2):
        await s.enters(X)
        await s.leaves(X)
    await s.enters(X)
    assert kinds(s.x) == [ADDED, CAME, REMOVED, ADDED, CAME, REMOVED, ADDED, CAME]
    assert kinds(s.a) == [CAME, WENT, CAME, WENT, CAME]


async def test_coming_back_is_news_though_nobody_was_here_to_be_told_of_the_going() -> None:
    """The client was away, and loaded its list since."""
    s = await Setting().live()
    await s.enters(X)
    for receiver in (s.x, s.a, s.b):
        s.context.hub.detach(receiver)
    await s.leaves(X)
    s.clock.advance(REMOVAL_REMEMBERED_SECONDS + 1)
    again, a = s.listening(X, *BOTH), s.listening(A, *BOTH)
    await s.enters(X)
    assert (kinds(again), kinds(a)) == ([ADDED, CAME], [CAME])


@pytest.mark.parametrize(
    "change",
    [
        {"name": "Other"},
        {"avatar_url": "https://example.org/a.png"},
        {"type": "group"},
        {"group_id": uuid_of(0xD0, 1)},
        {"disappearing_messages_enabled": True},
        {"disappearing_messages_duration_days": 7},
    ],
    ids=str,
)
@pytest.mark.parametrize("is_whole", [True, False])
async def test_another_look_is_told_to_each_member_as_it_sees_it(change: dict[str, Any], *, is_whole: bool) -> None:
    """Once; a row that did not come whole is found out."""
    s = await Setting().live()
    before = conversation_of(ROOM, "room", name="Room")
    await s.written(before)
    for _ in range(2):
        await s.written(replace(before, **change), is_whole=is_whole)
    assert kinds(s.a) == kinds(s.b) == [CHANGED, CHANGED]
    line = s.a.told[-1][1]["conversation"]
    assert {name: line[name] for name in change} == change
    assert (s.x.told, s.old.told) == ([], [])


async def test_what_a_line_does_not_show_is_no_news_and_costs_nothing() -> None:
    """Descriptions, and the time that every writer touches."""
    s = await Setting().live()
    before = conversation_of(ROOM, "room", name="Room")
    await s.written(before)
    asked = len(s.tables.asked)
    await s.written(replace(before, description="x", updated_at=BIRTH, position=5))
    assert kinds(s.a) == [CHANGED]
    assert len(s.tables.asked) == asked


async def test_what_was_loaded_is_in_the_list_but_was_not_told() -> None:
    """Another socket may not have loaded it; the other person's coming changes the name that was loaded."""
    s = await Setting().live()
    s.tables.add_participant(NEW, A.user_id)
    await s.load(A)
    await s.enters(X, NEW)
    assert kinds(s.a) == [CHANGED, CAME]
    await s.load(X)
    await s.enters(X, NEW, role="admin")
    assert kinds(s.x) == [ADDED, CAME, CAME]
    other = Setting()
    await other.live()
    await other.load(A)
    await other.enters(A)
    assert kinds(other.a) == [ADDED, CAME]


async def test_after_a_gap_everything_is_news() -> None:
    """What was told before may have been undone unheard; clients have loaded their lists since."""
    s = await Setting().live()
    await s.enters(X)
    await s.leaves(X)
    for signal in (Lost("closed"), Live()):
        await s.relay.handle(signal)
    await s.enters(X)
    for signal in (Lost("closed"), Live()):
        await s.relay.handle(signal)
    await s.relay.handle(MessageInserted(s.legacy_insert(message(1, A))))
    await s.enters(X)
    assert kinds(s.x) == [ADDED, CAME, REMOVED, ADDED, CAME, "message_received", ADDED, CAME]
