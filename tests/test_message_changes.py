"""Edits and deletions that others made reach the members whose clients asked for them, each once."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.capabilities import Capability
from bridge.content import NOTHING
from bridge.events import MessageSent, message_key
from bridge.feed.changes import ConversationRowDeleted, MessageInserted, ParticipantChanged
from bridge.relay.message_changes import MAY_STILL_ARRIVE
from tests.changing import DELETED, LATER, UPDATED, Setting, changes, edited, written
from tests.people import ROOM, A, B, C, X, conversation_id, message, message_id, participant


async def test_an_edit_is_told_to_members_who_asked_for_it() -> None:
    """The whole row, with sender and original (contract F32); nobody else is told."""
    s = await Setting().live()
    await s.inserted(message(1, A))
    row = await s.inserted(message(2, B, reply_to=message_id(1)))
    await s.written(edited(row, "second"))
    name, payload = s.b.told[-1]
    assert name == UPDATED
    assert payload["message"]["encrypted_content"] == "second"
    assert payload["message"]["edited_at"] == LATER.isoformat()
    assert payload["message"]["sender"]["username"] == "b"
    assert payload["message"]["reply_to"]["encrypted_content"] == "legacy 1"
    assert payload["message"].keys() == s.b.told[1][1]["message"].keys()
    assert [name for name, _ in s.a.told] == ["message_received", "message_received"]
    assert s.x.told == []


async def test_the_same_edit_is_told_once_and_the_way_back_again() -> None:
    """With or without a time of editing."""
    s = await Setting().live()
    row = await s.inserted(message(1))
    for content in ("second", "second", "legacy 1", "second"):
        await s.written(edited(row, content, at=None))
    assert [content for _, content in changes(s.b)] == ["second", "legacy 1", "second"]


async def test_an_edited_row_is_read_as_it_is_now() -> None:
    """What is told may be older by then: edited again, deleted, or gone altogether, which another change tells."""
    s = await Setting().live()
    rows = [await s.inserted(message(number)) for number in (1, 2, 3)]
    s.legacy_insert(edited(rows[0], "third"))
    s.legacy_insert(replace(rows[1], deleted_at=LATER))
    del s.tables.messages_by_id[rows[2].id]
    for row in rows:
        await s.relay.handle(written(edited(row, "second")))
    assert changes(s.b) == [(UPDATED, "third"), (DELETED, (rows[1].id, LATER.isoformat()))]


async def test_a_soft_deletion_is_told_with_its_time() -> None:
    """Once, whatever else is written to the row; a message that is back is shown again."""
    s = await Setting().live()
    row = await s.inserted(message(1))
    gone = replace(row, deleted_at=LATER)
    await s.written(gone)
    await s.written(replace(gone, content=""))
    await s.removed(1)
    assert changes(s.b) == [(DELETED, (row.id, LATER.isoformat()))]
    await s.written(row)
    assert changes(s.b)[1:] == [(UPDATED, "legacy 1")]
    assert [name for name, _ in s.a.told] == ["message_received"]


@pytest.mark.parametrize("how", ["delivered", "loaded", "edited"])
async def test_a_hard_deletion_is_told_of_messages_seen_lately(how: str) -> None:
    """The feed tells a key only, so the conversation has to be known."""
    s = Setting()
    if how != "delivered":
        s.legacy_insert(message(1))
    await s.live()
    if how == "delivered":
        await s.inserted(message(1))
    elif how == "edited":
        await s.written(edited(message(1), "second"))
    else:
        s.context.message_states.place(message_id(1), ROOM)
    await s.removed(1)
    assert changes(s.b)[-1] == (DELETED, (message_id(1), None))
    await s.removed(1)
    assert [name for name, _ in changes(s.b)].count(DELETED) == 1


async def test_a_hard_deletion_of_an_unknown_message_is_passed_over() -> None:
    """Nobody here has it on the screen, as far as is known."""
    s = await Setting().live()
    with capture_logs() as logs:
        await s.removed(1)
    assert s.b.told == []
    assert [(line["event"], line["log_level"]) for line in logs] == [("relay.unknown_message_deleted", "debug")]
    assert s.tables.asked == []
    assert s.relay.is_live


async def test_what_goes_with_its_conversation_is_nobodys_news() -> None:
    """A cascade costs no question per message."""
    s = await Setting().live()
    await s.inserted(message(1))
    s.tables.asked.clear()
    await s.relay.handle(ConversationRowDeleted(ROOM))
    await s.removed(1)
    assert changes(s.b) == []
    assert s.tables.asked == []


async def test_a_message_deleted_before_its_delivery_is_never_delivered() -> None:
    """It waits behind a slower write of our own; or its insertion comes late, or again."""
    s = await Setting().live()
    reservation = s.context.hub.reserve(ROOM, message_key(message_id(1)), message(1).created_at)
    await s.written(replace(message(1), deleted_at=LATER))
    assert s.b.told == []
    reservation.settle(MessageSent(message=message(1)), frozenset({A.user_id, B.user_id}))
    assert changes(s.b) == [(DELETED, (message_id(1), LATER.isoformat()))]
    await s.written(replace(message(2), deleted_at=LATER))
    await s.relay.handle(MessageInserted(message(2)))
    s.legacy_insert(message(2))
    await s.relay.catch_up()
    assert [name for name, _ in s.a.told + s.b.told] == [DELETED, DELETED]


async def test_a_message_restored_before_its_delivery_is_delivered_then() -> None:
    """Once, to everybody; one that was delivered before is not delivered again."""
    s = await Setting().live()
    told = await s.inserted(message(1))
    for row in (told, message(2)):
        await s.written(replace(row, deleted_at=LATER))
        await s.written(row)
        await s.relay.handle(MessageInserted(row))
    assert [payload["message"]["id"] for _, payload in s.a.told] == [message_id(1), message_id(2)]


async def test_old_deletions_do_not_push_out_what_was_delivered_a_moment_ago() -> None:
    """A purge deletes more messages than are remembered as delivered."""
    s = await Setting().live()
    s.clock.advance(2 * MAY_STILL_ARRIVE.total_seconds())
    old = replace(message(1), deleted_at=s.clock.now())
    await s.written(old)
    assert not s.context.hub.has_seen(message_key(old.id))
    assert [name for name, _ in s.b.told] == [DELETED]


async def test_an_edit_waits_for_its_message() -> None:
    """Our own write is on its way while somebody changes what it wrote."""
    s = await Setting().live()
    reservation = s.context.hub.reserve(ROOM, message_key(message_id(1)), message(1).created_at)
    await s.inserted(message(1))
    await s.written(edited(message(1), "second"))
    assert s.b.told == []
    reservation.settle(MessageSent(message=message(1)), frozenset({A.user_id, B.user_id}))
    assert [name for name, _ in s.b.told] == ["message_received", UPDATED]


async def test_a_strangers_edit_is_not_shown() -> None:
    """Nor was the message (contract F7); that it is deleted gives nothing away."""
    s = await Setting().live()
    await s.inserted(message(1, X))
    await s.written(edited(message(1, X), "more spam"))
    assert s.b.told == []
    await s.written(replace(message(1, X), deleted_at=LATER))
    assert changes(s.b) == [(DELETED, (message_id(1), LATER.isoformat()))]
    assert s.x.told == []


async def test_what_a_former_member_wrote_is_still_told() -> None:
    """Loads show it, so its edits are shown; the former member itself hears nothing (contract F8)."""
    s = await Setting().live()
    c = s.listening(C, Capability.MESSAGE_CHANGES)
    row = await s.inserted(message(1, C))
    gone = participant(C, left=True)
    s.tables.rows[gone.id] = gone
    await s.relay.handle(ParticipantChanged(gone))
    await s.written(edited(row, "second"))
    assert changes(s.b) == [(UPDATED, "second")]
    assert changes(c) == []


async def test_a_reply_to_what_was_edited_or_deleted_shows_it_so() -> None:
    """The originals that were just shown are forgotten."""
    s = await Setting().live()
    for number in (1, 2, 3):
        await s.inserted(message(number, A))
    await s.written(edited(message(1, A), "second"))
    await s.written(replace(message(2, A), deleted_at=LATER))
    await s.removed(3)
    shown: list[object] = []
    for number in (1, 2, 3):
        await s.inserted(message(10 + number, B, reply_to=message_id(number)))
        original = s.a.told[-1][1]["message"].get("reply_to")
        shown.append(original and original["encrypted_content"])
    assert shown == ["second", None, None]


async def test_nothing_is_asked_if_nobody_wants_to_know() -> None:
    """Old clients only: the quotes are forgotten, and that is all."""
    s = await Setting().live()
    s.context.hub.detach(s.b)
    s.context.hub.detach(s.x)
    await s.written(edited(message(1), "second"))
    await s.written(replace(message(2), deleted_at=LATER))
    await s.removed(2)
    assert s.tables.asked == []
    assert s.a.told == []


async def test_a_change_into_nowhere_reaches_nobody() -> None:
    """A conversation without participants."""
    s = await Setting().live()
    await s.written(edited(message(1, X, conversation=conversation_id(99)), "second"))
    assert s.x.told == []


async def test_a_sealed_message_is_shown_to_each_as_its_own_copy() -> None:
    """And what it replies to, too; who has none is told that there is nothing to show."""
    s = await Setting().live()
    s.tables.can_seal = True
    c = s.listening(C, Capability.MESSAGE_CHANGES)
    row = replace(message(1, A), content=NOTHING.text, state=NOTHING.state, edited_at=LATER)
    s.tables.sealed[row.id] = {B.user_id: "for b"}
    await s.written(row)
    shown = [receiver.told[0][1]["message"] for receiver in (s.b, c)]
    assert [(one["encrypted_content"], one["content_state"]) for one in shown] == [
        ("for b", "sealed"),
        ("", "unavailable"),
    ]
