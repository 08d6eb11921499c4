"""Whose list changes and who hears of members, as others wrote it: told once, to the right people, in order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.capabilities import Capability
from bridge.errors import StoreDown
from bridge.feed.changes import (
    ConversationRowDeleted,
    ConversationWritten,
    MessageInserted,
    ParticipantChanged,
    ParticipantDeleted,
    Unreadable,
)
from bridge.feed.signals import Live, Lost
from bridge.hub import REMOVAL_REMEMBERED_SECONDS
from bridge.lists import NEW_SECONDS, QUESTIONS_AT_ONCE
from bridge.models import Conversation, ConversationId, Participant, UserId
from bridge.store.memory.tables import conversation_of
from tests.people import BIRTH, OTHER_ROOM, ROOM, A, B, C, D, Person, X, conversation_id, message, participant, uuid_of
from tests.world import Listener, Parts

BOTH = (Capability.CONVERSATIONS, Capability.MEMBERS)
ADDED, CHANGED, REMOVED = "conversation_added", "conversation_changed", "conversation_removed"
CAME, WENT = "member_added", "member_removed"
NEW = conversation_id(7)


class Setting(Parts):
    """A relay that is live; new clients of A, B and X, an old one of A."""

    def __init__(self) -> None:
        super().__init__()
        self.old = self.listening(A)
        self.a, self.b, self.x = (self.listening(person, *BOTH) for person in (A, B, X))

    def listening(self, person: Person, *capabilities: Capability) -> Listener:
        """Return a receiver of this person's pushes."""
        receiver = Listener(person, *capabilities)
        self.context.hub.attach(receiver)
        return receiver

    async def live(self) -> Setting:
        """Begin to hear changes."""
        await self.relay.handle(Live())
        self.tables.asked.clear()
        return self

    async def enters(self, person: Person, place: ConversationId = ROOM, *, role: str = "member") -> Participant:
        """Let a row make somebody a member."""
        row = replace(self.tables.add_participant(place, person.user_id, role=role), role=role)
        await self.relay.handle(ParticipantChanged(row))
        return row

    async def leaves(self, person: Person, place: ConversationId = ROOM) -> None:
        """Let somebody's row say that it left."""
        row = participant(person, place, left=True)
        self.tables.rows[row.id] = row
        await self.relay.handle(ParticipantChanged(row))

    async def removed(self, person: Person, place: ConversationId = ROOM) -> None:
        """Let somebody's row be deleted."""
        row = self.tables.rows.pop(participant(person, place).id)
        await self.relay.handle(ParticipantDeleted(row.id))

    async def written(self, row: Conversation, *, is_new: bool = False, is_whole: bool = True) -> None:
        """Let a conversation be written."""
        self.tables.add_conversation(row)
        change = ConversationWritten(id=row.id, is_new=is_new, conversation=row if is_whole else None)
        await self.relay.handle(change)

    async def made(self, *people: Person, kind: str = "group") -> None:
        """Let somebody make a conversation in one transaction; the feed tells row by row."""
        row = self.tables.add_conversation(conversation_of(NEW, kind, name="Trip"))
        rows = [self.tables.add_participant(NEW, person.user_id) for person in people]
        await self.relay.handle(ConversationWritten(id=NEW, is_new=True, conversation=row))
        for one in rows:
            await self.relay.handle(ParticipantChanged(one))

    async def load(self, person: Person) -> None:
        """Let somebody load the list, as the action does."""
        for summary in await self.store.conversations.summaries(person.identity, self.clock.now()):
            self.context.lists.listed(person.identity, summary)


def kinds(receiver: Listener) -> list[str]:
    """Return the types of the pushes so far."""
    return [name for name, _ in receiver.told]


def shown(payload: Mapping[str, Any]) -> tuple[str, str | None, int]:
    """Return what a line shows in short."""
    line = payload["conversation"]
    return line["id"], line["name"], line["participant_count"]


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


async def test_the_same_row_is_told_once_and_another_role_again() -> None:
    """Whatever else is written into it."""
    s = await Setting().live()
    for role in ("member", "member", "admin"):
        await s.enters(X, role=role)
    assert kinds(s.x) == [ADDED, CAME, CAME]
    assert [payload["role"] for _, payload in s.a.told] == ["member", "admin"]
    assert s.store.asked("conversations.summary") == 1


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


async def test_into_a_new_conversation_all_come_at_once() -> None:
    """Nobody hears of a member of a conversation that it has not heard of (contract F28); each question once."""
    s = await Setting().live()
    await s.made(A, B, X)
    for receiver in (s.a, s.b, s.x):
        assert kinds(receiver) == [ADDED, CAME, CAME, CAME]
        assert [payload["user"]["id"] for _, payload in receiver.told[1:]] == [A.user_id, B.user_id, X.user_id]
    assert s.store.asked("conversations.summary") == 3


async def test_a_conversation_is_not_new_for_ever() -> None:
    """After a while whoever is in it has been told of it."""
    s = await Setting().live()
    row = conversation_of(NEW, "group")
    await s.written(row, is_new=True)
    s.tables.add_participant(NEW, A.user_id)
    s.tables.add_participant(NEW, B.user_id)
    s.clock.advance(NEW_SECONDS + 1)
    await s.enters(X, NEW)
    assert kinds(s.a) == [CAME]
    assert kinds(s.x) == [ADDED, CAME]


async def test_a_conversation_without_people_is_tolerated() -> None:
    """Nobody made it, nobody is in it yet (contract legacy-supabase section 5)."""
    s = await Setting().live()
    await s.written(conversation_of(NEW, "group"), is_new=True)
    await s.written(conversation_of(NEW, "group", name="x"))
    await s.written(conversation_of(conversation_id(9), "group"), is_new=True, is_whole=False)
    await s.enters(X, conversation_id(8))
    assert s.relay.is_live
    assert s.a.told == []


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


async def test_a_deleted_row_is_known_from_the_list() -> None:
    """Nobody was active in that conversation since the program began."""
    s = await Setting().live()
    await s.load(B)
    await s.removed(B)
    assert s.b.told == [(REMOVED, {"conversationId": ROOM})]
    assert s.a.told == [(WENT, {"conversationId": ROOM, "userId": B.user_id})]


async def test_a_deleted_row_that_nobody_knows_is_passed_over() -> None:
    """Delivery does not depend on it."""
    s = await Setting().live()
    with capture_logs() as logs:
        await s.removed(B)
    assert s.b.told == s.a.told == []
    assert [(line["event"], line["log_level"]) for line in logs] == [("relay.unknown_participant_deleted", "debug")]
    await s.relay.handle(MessageInserted(s.legacy_insert(message(1, A))))
    assert s.b.told == []


async def test_a_deleted_row_of_who_had_left_is_no_news() -> None:
    """It left before."""
    s = await Setting().live()
    await s.leaves(B)
    del s.tables.rows[participant(B).id]
    await s.relay.handle(ParticipantDeleted(participant(B).id))
    assert (kinds(s.b), kinds(s.a)) == ([REMOVED], [WENT])


async def test_a_deleted_conversation_disappears() -> None:
    """For whoever is known to be in it; the rows that go with it say the rest, and say nothing twice."""
    s = await Setting().live()
    await s.context.members.of(ROOM)
    await s.load(X)
    s.tables.asked.clear()
    for place, people in ((ROOM, (A, B, C, D)), (OTHER_ROOM, (C, X))):
        s.tables.remove_conversation(place)
        await s.relay.handle(ConversationRowDeleted(place))
        for person in people:
            await s.relay.handle(ParticipantDeleted(participant(person, place).id))
    assert s.a.told == s.b.told == [(REMOVED, {"conversationId": ROOM})]
    assert s.x.told == [(REMOVED, {"conversationId": OTHER_ROOM})]
    assert s.tables.asked == []


async def test_a_conversation_that_is_made_again_under_its_id_is_new() -> None:
    """A direct conversation's id follows from its pair."""
    s = await Setting().live()
    await s.made(A, X, kind="direct")
    s.tables.remove_conversation(NEW)
    await s.relay.handle(ConversationRowDeleted(NEW))
    await s.made(A, X, kind="direct")
    assert kinds(s.x) == [ADDED, CAME, CAME, REMOVED, ADDED, CAME, CAME]


async def test_a_row_that_is_made_over_to_somebody_else_is_a_coming_and_a_going() -> None:
    """Repairs of the app do such things."""
    s = await Setting().live()
    await s.load(B)
    row = replace(participant(B), user_id=X.user_id)
    s.tables.rows[row.id] = row
    await s.relay.handle(ParticipantChanged(row))
    assert kinds(s.b) == [REMOVED]
    assert kinds(s.x) == [ADDED, CAME, WENT]
    assert kinds(s.a) == [CAME, WENT]


async def test_a_row_with_the_auth_id_tells_no_auth_id() -> None:
    """As damaged databases have it (contract F1)."""
    s = await Setting().live()
    odd = s.tables.add_participant(NEW, UserId(B.auth_id))
    s.tables.add_participant(NEW, A.user_id)
    await s.relay.handle(ParticipantChanged(odd))
    assert kinds(s.b) == [ADDED, CAME]
    assert s.a.told[0][1]["user"]["id"] == B.user_id
    gone = replace(odd, left_at=BIRTH)
    s.tables.rows[odd.id] = gone
    await s.relay.handle(ParticipantChanged(gone))
    assert kinds(s.b) == [ADDED, CAME, REMOVED]
    assert s.a.told[-1] == (WENT, {"conversationId": NEW, "userId": B.user_id})
    assert B.auth_id not in str(s.a.frames + s.b.frames)


async def test_a_second_row_keeps_a_member_in() -> None:
    """One of the two ids is enough."""
    s = await Setting().live()
    s.tables.add_participant(ROOM, UserId(B.auth_id))
    await s.leaves(B)
    assert s.b.told == []
    s.tables.add_participant(ROOM, B.user_id, number=1)
    await s.relay.handle(Live())
    await s.leaves(B)
    assert s.b.told == []


async def test_a_member_of_whom_there_is_no_account_is_not_shown() -> None:
    """Its id may be an auth id."""
    s = await Setting().live()
    row = s.tables.add_participant(ROOM, UserId("00000000-0000-4000-8000-000000000000"))
    await s.relay.handle(ParticipantChanged(row))
    await s.relay.handle(ParticipantChanged(replace(row, left_at=BIRTH)))
    assert s.a.told == []


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
