"""A row change as Realtime prints it becomes what it means for the bridge."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.feed.changes import (
    OPTIONAL_TABLES,
    TABLES,
    Change,
    ConversationRowDeleted,
    ConversationWritten,
    MessageInserted,
    MessageRowDeleted,
    MessageUnread,
    MessageWritten,
    ParticipantChanged,
    ParticipantDeleted,
    PresenceWritten,
    RowChange,
    Unreadable,
    read_change,
)
from bridge.models import Presence, PresenceStatus
from bridge.store.memory.tables import conversation_of
from tests.people import BIRTH, ROOM, B, message, message_id, participant

MESSAGE: dict[str, Any] = {
    "id": message_id(1),
    "conversation_id": ROOM,
    "sender_id": B.user_id,
    "reply_to_id": None,
    "message_type": "text",
    "encrypted_content": "legacy 1",
    "content_hash": None,
    "metadata": {},
    "edited_at": None,
    "deleted_at": None,
    "created_at": "2026-01-01T00:00:01+00:00",
    "expires_at": None,
}
PARTICIPANT = {
    "id": participant(B).id,
    "conversation_id": ROOM,
    "user_id": B.user_id,
    "role": "member",
    "joined_at": "2026-01-01T00:00:00+00:00",
    "left_at": None,
}


CONVERSATION: dict[str, Any] = {
    "id": ROOM,
    "type": "group",
    "name": "Ours",
    "description": None,
    "avatar_url": None,
    "created_by": B.user_id,
    "created_at": "1970-01-01T00:00:00+00:00",
    "updated_at": "1970-01-01T00:00:00+00:00",
    "group_id": None,
    "is_private": False,
    "position": 0,
    "disappearing_messages_enabled": False,
    "disappearing_messages_duration_days": None,
}


def read(**event: object) -> Change | None:
    """Read the data of a postgres_changes event."""
    given_event = {
        "schema": "public",
        "commit_timestamp": "2026-01-01T00:00:00Z",
        "columns": [],
        "errors": None,
        **event,
    }
    return read_change(msgspec.convert(given_event, RowChange))


def test_the_bridge_listens_to_messages_and_participants() -> None:
    """And to what else a project publishes."""
    assert TABLES == ("messages", "conversation_participants")
    assert "conversations" in OPTIONAL_TABLES


def test_an_inserted_message_is_read_whole() -> None:
    """Without sender and quote, which Realtime does not know (contract F32)."""
    assert read(table="messages", type="INSERT", record=MESSAGE) == MessageInserted(message(1))


def test_a_column_that_we_do_not_know_is_ignored() -> None:
    """Whatever a team has added to its tables."""
    record = {**MESSAGE, "mood": "fine"}
    assert read(table="messages", type="INSERT", record=record) == MessageInserted(message(1))


@pytest.mark.parametrize("errors", [[], None])
def test_no_errors_are_no_errors(errors: list[str] | None) -> None:
    """Null or an empty list."""
    assert isinstance(read(table="messages", type="INSERT", record=MESSAGE, errors=errors), MessageInserted)


def test_a_row_that_was_too_large_has_to_be_read() -> None:
    """Only short values came, so its content may be missing or cut (supabase.md 2.4)."""
    errors = ["Error 413: Payload Too Large"]
    record = {"id": message_id(1), "conversation_id": ROOM, "sender_id": B.user_id}
    assert read(table="messages", type="INSERT", record=record, errors=errors) == MessageUnread(message_id(1))
    assert read(table="messages", type="INSERT", record=MESSAGE, errors=errors) == MessageUnread(message_id(1))


def test_of_an_updated_message_only_the_small_columns_are_read() -> None:
    """Absent is unknown, not null: large values that stayed the same are left out (supabase.md 2.4)."""
    small = {name: MESSAGE[name] for name in ("id", "conversation_id", "created_at", "deleted_at")}
    for record in (MESSAGE, small, {**MESSAGE, "encrypted_content": None}):
        change = read(table="messages", type="UPDATE", record=record, errors=["Error 413: Payload Too Large"])
        assert change == MessageWritten(
            id=message_id(1), conversation_id=ROOM, created_at=message(1).created_at, deleted_at=None
        )


def test_an_updated_message_says_when_it_was_deleted() -> None:
    """Or that it is not."""
    deleted = {**MESSAGE, "created_at": None, "deleted_at": "2026-01-01T00:00:00+00:00"}
    change = read(table="messages", type="UPDATE", record=deleted, old_record={"id": message_id(1)})
    assert isinstance(change, MessageWritten)
    assert (change.created_at.year, change.deleted_at) == (1, BIRTH)


def test_a_deleted_message_is_known_by_its_key_only() -> None:
    """Realtime tells no more."""
    assert read(table="messages", type="DELETE", old_record={"id": message_id(1)}) == MessageRowDeleted(message_id(1))


@pytest.mark.parametrize(("kind", "is_new"), [("INSERT", True), ("UPDATE", False)])
def test_a_written_conversation_is_read_whole(kind: str, *, is_new: bool) -> None:
    """As in the table."""
    change = read(table="conversations", type=kind, record=CONVERSATION)
    whole = conversation_of(ROOM, "group", name="Ours", created_by=B.user_id)
    assert change == ConversationWritten(id=ROOM, is_new=is_new, conversation=whole)


@pytest.mark.parametrize("changes", [{"avatar_url": ...}, {"type": None}, {"created_at": "once"}], ids=str)
def test_a_conversation_that_did_not_come_whole_is_told_by_its_id(changes: dict[str, object]) -> None:
    """A picture may be large, and is left out when only the name changed."""
    record = {name: value for name, value in {**CONVERSATION, **changes}.items() if value is not ...}
    change = read(table="conversations", type="UPDATE", record=record)
    assert change == ConversationWritten(id=ROOM, is_new=False, conversation=None)


def test_a_deleted_conversation_is_known_by_its_id() -> None:
    """Which is its key."""
    assert read(table="conversations", type="DELETE", old_record={"id": ROOM}) == ConversationRowDeleted(ROOM)


@pytest.mark.parametrize("kind", ["INSERT", "UPDATE"])
def test_a_written_participant_is_a_member_or_has_left(kind: str) -> None:
    """left_at decides."""
    assert read(table="conversation_participants", type=kind, record=PARTICIPANT) == ParticipantChanged(participant(B))
    gone = {**PARTICIPANT, "left_at": "2026-01-01T00:00:00+00:00"}
    assert read(table="conversation_participants", type=kind, record=gone) == ParticipantChanged(
        replace(participant(B), left_at=BIRTH)
    )


def test_a_deleted_participant_is_known_by_its_key_only() -> None:
    """Realtime tells no more (supabase.md 2.4)."""
    change = read(table="conversation_participants", type="DELETE", old_record={"id": participant(B).id})
    assert change == ParticipantDeleted(participant(B).id)


@pytest.mark.parametrize(
    "event",
    [
        {"table": "messages", "type": "INSERT"},
        {"table": "messages", "type": "INSERT", "record": {}},
        {"table": "messages", "type": "INSERT", "record": {**MESSAGE, "id": None}},
        {"table": "messages", "type": "INSERT", "record": {**MESSAGE, "created_at": "yesterday"}},
        {"table": "messages", "type": "INSERT", "record": {**MESSAGE, "encrypted_content": None}},
        {"table": "messages", "type": "INSERT", "record": {"id": message_id(1)}},
        {"table": "messages", "type": "INSERT", "record": {}, "errors": ["Error 401: Unauthorized"]},
        {"table": "messages", "type": "UPDATE", "record": {}},
        {"table": "messages", "type": "UPDATE", "record": {"id": message_id(1)}},
        {"table": "messages", "type": "UPDATE", "record": {**MESSAGE, "deleted_at": "once"}},
        {"table": "messages", "type": "DELETE"},
        {"table": "conversations", "type": "UPDATE", "record": {"name": "x"}},
        {"table": "conversations", "type": "DELETE"},
        {"table": "conversation_participants", "type": "INSERT", "record": {"id": "p"}},
        {"table": "conversation_participants", "type": "UPDATE", "record": {**PARTICIPANT, "left_at": "once"}},
        {"table": "conversation_participants", "type": "DELETE"},
        {"table": "conversation_participants", "type": "DELETE", "old_record": {"user_id": B.user_id}},
    ],
    ids=str,
)
def test_a_change_that_cannot_be_read_is_said_to_be_so(event: dict[str, object]) -> None:
    """Reason enough to look into the tables; never an exception, which would make the feed deaf (supabase.md R4)."""
    assert read(**event) == Unreadable(str(event["table"]))


PRESENCE = {
    "user_id": B.user_id,
    "status": "away",
    "last_seen": "2026-01-01T00:00:00+00:00",
    "updated_at": "2026-01-01T00:00:05+00:00",
}


@pytest.mark.parametrize("kind", ["INSERT", "UPDATE"])
@pytest.mark.parametrize(
    ("status", "read_as"),
    [("online", "online"), ("away", "away"), ("busy", "busy"), ("offline", "offline"), ("invisible", "offline")],
)
def test_a_written_presence_says_how_somebody_is(kind: str, status: str, read_as: str) -> None:
    """A status that only a later generation knows shows nobody as present."""
    presence = Presence(user_id=B.user_id, status=PresenceStatus(read_as), last_seen=BIRTH)
    assert read(table="user_presence", type=kind, record={**PRESENCE, "status": status}) == PresenceWritten(presence)


def test_a_deleted_presence_is_offline() -> None:
    """Its primary key is the user's id, so we know whose it was."""
    gone = Presence(user_id=B.user_id, status=PresenceStatus.OFFLINE, last_seen=None)
    assert read(table="user_presence", type="DELETE", old_record={"user_id": B.user_id}) == PresenceWritten(gone)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "INSERT"},
        {"type": "UPDATE", "record": {**PRESENCE, "status": None}},
        {"type": "UPDATE", "record": {**PRESENCE, "last_seen": "lately"}},
        {"type": "DELETE", "old_record": {"id": "p"}},
    ],
    ids=str,
)
def test_a_presence_that_cannot_be_read_is_said_to_be_so(event: dict[str, object]) -> None:
    """As for every table."""
    assert read(table="user_presence", **event) == Unreadable("user_presence")


@pytest.mark.parametrize("kind", ["INSERT", "UPDATE", "DELETE"])
def test_other_tables_are_nothing_to_us(kind: str) -> None:
    """Should the server send them."""
    assert read(table="users", type=kind, record={"id": "u"}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
columns = st.sampled_from(sorted({*MESSAGE, *PARTICIPANT, *CONVERSATION}))
ROWS = {"messages": MESSAGE, "conversations": CONVERSATION}


@given(
    table=st.sampled_from([*TABLES, *OPTIONAL_TABLES, "users"]),
    kind=st.sampled_from(["INSERT", "UPDATE", "DELETE"]),
    changes=st.dictionaries(columns, json_values, max_size=3),
    missing=st.sets(columns, max_size=2),
)
def test_no_row_makes_the_reading_fail(table: str, kind: str, changes: dict[str, object], missing: set[str]) -> None:
    """Whatever stands in it."""
    row = {**ROWS.get(table, PARTICIPANT), **changes}
    record = {name: value for name, value in row.items() if name not in missing}
    read(table=table, type=kind, record=record, old_record=record)
