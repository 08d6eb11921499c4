"""What is asked before something is told: no more than is needed, and true when it is told."""

from __future__ import annotations

from bridge.capabilities import Capability
from bridge.errors import StoreDown
from bridge.feed.changes import MessageInserted, ParticipantChanged, Unreadable
from bridge.lists.asking import QUESTIONS_AT_ONCE
from bridge.models import UserId
from bridge.store.memory.tables import conversation_of
from tests.lists.setting import ADDED, BOTH, CAME, CHANGED, REMOVED, Setting, kinds
from tests.people import ROOM, A, B, C, X, message, participant


async def test_nothing_is_asked_if_nobody_wants_to_know() -> None:
    """Old clients only: members come and go in delivery all the same."""
    s = await Setting().live()
    for receiver in (s.a, s.b, s.x):
        s.context.hub.detach(receiver)
    await s.enters(X)
    await s.leaves(X)
    await s.removed(B)
    await s.written(conversation_of(ROOM, "room", name="x"))
    await s.made(A, X)
    assert s.tables.asked == []
    assert s.old.told == []


async def test_only_who_listens_is_asked_for() -> None:
    """Those in the conversation that have the capability; a few at once, each once."""
    s = await Setting().live()
    for number in range(3 * QUESTIONS_AT_ONCE):
        s.tables.add_participant(ROOM, UserId(f"nobody {number}"))
    s.listening(B, *BOTH)
    s.listening(C, Capability.MEMBERS)
    await s.written(conversation_of(ROOM, "room", name="x"))
    assert s.store.asked("conversations.summary") == 2
    assert kinds(s.a) == kinds(s.b) == [CHANGED]


async def test_what_cannot_be_read_makes_the_relay_doubt() -> None:
    """Clients hear that, and load their lists again when it is over."""
    s = await Setting().live()
    s.door.failing["conversations.summary"] = StoreDown()
    await s.written(conversation_of(ROOM, "room", name="x"))
    assert not s.relay.is_live
    assert s.a.told == []
    s.door.failing.clear()
    await s.relay.catch_up()
    await s.written(conversation_of(ROOM, "room", name="x"))
    assert kinds(s.a) == kinds(s.b) == [CHANGED]


async def test_an_unreadable_conversation_says_nothing_of_members() -> None:
    """They stay known."""
    s = await Setting().live()
    await s.context.members.of(ROOM)
    await s.relay.handle(Unreadable("conversations"))
    assert s.context.members.known(ROOM) is not None
    assert not s.relay.is_live


async def test_whoever_is_out_before_it_is_told_of_its_coming_hears_nothing_of_it() -> None:
    """What is to be told was asked for while it was in."""
    s = await Setting().live()
    s.tables.add_participant(ROOM, X.user_id)
    news = await s.context.lists.entered(ROOM, {X.user_id: "member"})
    await s.leaves(X)
    s.context.lists.tell(news)
    assert kinds(s.x) == [REMOVED]
    await s.enters(X)
    assert kinds(s.x) == [REMOVED, ADDED, CAME]


async def test_whoever_is_out_before_its_line_is_read_is_told_nothing() -> None:
    """The tables know already what the feed has not told."""
    s = await Setting().live()
    await s.context.members.of(ROOM)
    gone = participant(B, left=True)
    s.tables.rows[gone.id] = gone
    await s.written(conversation_of(ROOM, "room", name="x"))
    assert (kinds(s.a), s.b.told) == ([CHANGED], [])


async def test_whoever_is_back_before_its_going_is_heard_of_is_in() -> None:
    """The tables are the truth: nothing known says more than they do."""
    s = await Setting().live()
    await s.relay.handle(ParticipantChanged(participant(B, left=True)))
    assert s.b.told == []
    await s.relay.handle(MessageInserted(s.legacy_insert(message(1, A))))
    assert kinds(s.b) == ["message_received"]
