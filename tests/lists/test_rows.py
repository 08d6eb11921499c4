"""Participant rows as they are found: deleted, made over, doubled, with the wrong id or nobody's."""

from __future__ import annotations

from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.feed.changes import MessageInserted, ParticipantChanged, ParticipantDeleted
from bridge.feed.signals import Live
from bridge.models import UserId
from tests.lists.setting import ADDED, CAME, NEW, REMOVED, WENT, Setting, kinds
from tests.people import BIRTH, ROOM, A, B, X, message, participant


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
