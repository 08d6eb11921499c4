"""Whose list changes and who hears of members as people come and go: the right people, in order."""

from __future__ import annotations

import pytest

from bridge.capabilities import Capability
from bridge.feed.changes import MessageInserted, ParticipantDeleted
from tests.lists.setting import ADDED, BOTH, CAME, CHANGED, NEW, REMOVED, WENT, Setting, kinds, shown
from tests.people import ROOM, A, B, D, X, message, participant


async def test_whoever_comes_sees_a_new_line_and_the_members_see_who_came() -> None:
    """The one who comes too; old clients see nothing of it."""
    s = await Setting().live()
    await s.enters(X, role="moderator")
    assert kinds(s.x) == [ADDED, CAME]
    assert shown(s.x.told[0][1]) == (ROOM, None, 5)
    user = {"id": X.user_id, "username": "x", "display_name": "Person X", "avatar_url": None}
    assert s.x.told[1] == (CAME, {"conversationId": ROOM, "user": user, "role": "moderator"})
    assert s.a.told == s.b.told == s.x.told[1:]
    assert s.old.told == []


async def test_whoever_comes_is_introduced_if_here() -> None:
    """When they came online only those heard of it who shared a conversation then; their own clients hear nothing."""
    setting = await Setting().live()
    watching, x_too = (setting.listening(person, *BOTH, Capability.PRESENCE) for person in (A, X))
    del setting.tables.rows[participant(D).id]
    setting.context.presence.connect(X.identity)
    await setting.enters(X)
    await setting.enters(D)
    told = [payload for name, payload in watching.told if name == "presence_changed"]
    assert [(one["userId"], one["status"]) for one in told] == [(X.user_id, "online")]
    assert [name for name, _ in watching.told] == [CAME, "presence_changed", CAME]
    assert "presence_changed" not in {name for name, _ in [*x_too.told, *setting.a.told]}


@pytest.mark.parametrize("how", ["left", "deleted"])
async def test_whoever_goes_is_told_so_and_nothing_after_it(how: str) -> None:
    """The others hear who went (contract F8)."""
    s = await Setting().live()
    await s.context.members.of(ROOM)
    if how == "left":
        await s.leaves(B)
        await s.leaves(B)
    else:
        await s.removed(B)
        await s.relay.handle(ParticipantDeleted(participant(B).id))
    await s.relay.handle(MessageInserted(s.legacy_insert(message(1, A))))
    assert s.b.told == [(REMOVED, {"conversationId": ROOM})]
    assert s.a.told[0] == (WENT, {"conversationId": ROOM, "userId": B.user_id})
    assert kinds(s.a) == [WENT, "message_received"]
    assert kinds(s.old) == ["message_received"]


async def test_nothing_that_was_begun_before_reaches_who_was_removed() -> None:
    """Typing and receipts name the members of the moment in which they began (contract F8)."""
    s = await Setting().live()
    members = await s.context.members.of(ROOM)
    await s.leaves(B)
    s.context.typing.begin(ROOM, A.profile, members)
    assert kinds(s.b) == [REMOVED]
    await s.enters(B)
    s.context.typing.end(ROOM, A.user_id)
    assert kinds(s.b) == [REMOVED, ADDED, CAME, "typing_update"]


async def test_a_direct_conversation_is_called_after_who_comes() -> None:
    """So its line changes for the one who was there, if that one has it in its list."""
    s = await Setting().live()
    await s.enters(A, NEW)
    assert shown(s.a.told[0][1]) == (NEW, None, 1)
    await s.enters(X, NEW)
    assert kinds(s.a) == [ADDED, CAME, CHANGED, CAME]
    assert shown(s.a.told[2][1]) == (NEW, "Person X", 2)
    assert shown(s.x.told[0][1]) == (NEW, "Person A", 2)
    await s.removed(X, NEW)
    assert kinds(s.a)[4:] == [WENT, CHANGED]
    assert shown(s.a.told[-1][1]) == (NEW, None, 1)
