"""A conversation with its embeds becomes the line that one person sees."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from bridge.models import AuthId, ConversationSummary, Identity, UserId
from bridge.schema import DB_1
from bridge.store.summaries import LineRecord, RecentsRecord, summarise
from tests.people import ROOM, A, B, C, Person, message_id


def member(person: Person, *, left: bool = False, user: bool = True, user_id: str | None = None) -> dict[str, Any]:
    """Return an embedded participant."""
    profile = {"id": person.user_id, "username": person.name.lower(), "display_name": f"Person {person.name}"}
    return {
        "user_id": user_id or person.user_id,
        "left_at": "2026-01-01T00:00:00+00:00" if left else None,
        "user": profile if user else None,
    }


LATEST = {
    "id": message_id(1),
    "conversation_id": ROOM,
    "sender_id": B.user_id,
    "reply_to_id": None,
    "message_type": "text",
    "encrypted_content": "latest",
    "content_hash": None,
    "metadata": {},
    "edited_at": None,
    "deleted_at": None,
    "created_at": "2026-01-02T00:00:00+00:00",
    "expires_at": None,
    "sender": {"id": B.user_id, "username": "b", "display_name": "Person B", "avatar_url": None},
}


def record(*members: dict[str, Any], **changes: object) -> LineRecord:
    """Return a conversation as PostgREST prints it."""
    printed = {
        "id": ROOM,
        "type": "direct",
        "name": "stored name",
        "avatar_url": "stored.png",
        "group_id": None,
        "created_at": "2026-01-01T00:00:00+00:00",
        "group": None,
        "members": list(members),
        "last": [],
        "seen": [],
        "conversation_participants": [{"id": "p"}],
        **changes,
    }
    return msgspec.convert(printed, LineRecord)


def seen_by(identity: Identity, *members: dict[str, Any], unread: int = 0, **changes: object) -> ConversationSummary:
    """Return the line of a conversation as somebody sees it."""
    line = record(*members, **changes)
    latest = line.last[0].model(DB_1) if line.last else None
    return summarise(line, identity, unread=unread, latest=latest)


def test_a_direct_conversation_is_called_after_the_other_person() -> None:
    """With that person's picture, whatever name is stored."""
    line = seen_by(A.identity, member(A), member(B))
    assert (line.name, line.avatar_url, line.participant_count) == ("Person B", None, 2)
    assert seen_by(B.identity, member(A), member(B)).name == "Person A"


def test_the_caller_is_recognised_by_either_id() -> None:
    """A row with the auth id of the caller is the caller, not the other person."""
    line = seen_by(B.identity, member(A), member(B, user_id=B.auth_id))
    assert line.name == "Person A"


def test_the_other_person_is_preferably_one_who_has_not_left() -> None:
    """But somebody who left is better than no name."""
    assert seen_by(A.identity, member(A), member(B, left=True), member(C)).name == "Person C"
    left = seen_by(A.identity, member(A), member(B, left=True))
    assert (left.name, left.participant_count) == ("Person B", 1)


def test_without_another_person_the_stored_name_stays() -> None:
    """Alone, with oneself twice, or with somebody who has no users row (legacy damage)."""
    assert seen_by(A.identity, member(A)).name == "stored name"
    assert seen_by(A.identity, member(A), member(B, user=False)).name == "stored name"


def test_the_choice_of_the_other_person_does_not_depend_on_the_order() -> None:
    """The list does not flicker."""
    identity = Identity(user_id=UserId("me"), auth_id=AuthId("me"))
    assert seen_by(identity, member(A), member(B)).name == seen_by(identity, member(B), member(A)).name == "Person A"


def test_a_group_or_room_has_its_own_name() -> None:
    """And the name of its group beside it."""
    line = seen_by(A.identity, member(A), member(B), type="room", group_id="g", group={"name": "Group"})
    assert (line.type, line.name, line.avatar_url) == ("room", "stored name", "stored.png")
    assert (line.group_id, line.group_name) == ("g", "Group")


def test_those_who_left_do_not_count() -> None:
    """Active means left_at is null (contract F8)."""
    assert seen_by(A.identity, member(A), member(B, left=True), member(C), type="room").participant_count == 2


def test_the_latest_message_and_the_unread_count_are_shown() -> None:
    """As they were asked for, or none."""
    line = seen_by(A.identity, member(A), member(B), unread=3, last=[LATEST])
    assert line.unread_count == 3
    assert line.latest is not None
    assert (line.latest.content, line.latest.sender) == ("latest", B.profile)
    assert seen_by(A.identity, member(A)).latest is None


def test_a_conversation_without_date_is_the_oldest() -> None:
    """The column allows null; one such row must not make the whole list unreadable."""
    assert seen_by(A.identity, member(A), created_at=None).created_at == datetime.min.replace(tzinfo=UTC)


def test_only_a_latest_message_of_somebody_else_that_was_not_seen_may_be_unread() -> None:
    """For everything else nothing has to be counted."""
    later, earlier = "2026-01-03T00:00:00+00:00", "2026-01-01T00:00:00+00:00"
    seen = {"id": message_id(9), "created_at": later}
    assert record(last=[LATEST]).may_be_unread(A.identity)
    assert record(last=[LATEST], seen=[{**seen, "created_at": earlier}]).may_be_unread(A.identity)
    assert not record(last=[LATEST], seen=[seen]).may_be_unread(A.identity)
    assert not record(last=[LATEST]).may_be_unread(B.identity)
    assert not record().may_be_unread(A.identity)


def test_recent_messages_are_counted_back_to_what_was_seen() -> None:
    """Newest first, as they were asked for."""
    recent = [
        {"id": message_id(number), "created_at": f"2026-01-0{number}T00:00:00+00:00", "sender_id": B.user_id}
        for number in (3, 2, 1)
    ]
    read = msgspec.convert({"id": ROOM, "recent": recent}, RecentsRecord)
    last = [{**LATEST, **recent[0]}]
    assert read.unread(A.identity, record(last=last)) == 3
    assert read.unread(A.identity, record(last=last, seen=[recent[1]])) == 1
    assert read.unread(B.identity, record(last=last)) == 0


def test_what_came_after_the_latest_message_of_the_line_is_not_counted() -> None:
    """It was written between the two questions; who shows the line counts it when it is pushed."""
    recent = [
        {"id": message_id(number), "created_at": f"2026-01-0{number}T00:00:00+00:00", "sender_id": sender.user_id}
        for number, sender in ((4, A), (3, B), (2, B), (1, B))
    ]
    read = msgspec.convert({"id": ROOM, "recent": recent}, RecentsRecord)
    assert read.unread(A.identity, record(last=[{**LATEST, **recent[2]}])) == 2
    assert read.unread(A.identity, record()) == 0
