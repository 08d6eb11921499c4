"""Rows as PostgREST and Realtime print them are read into models, odd ones included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.models import Message, Quote
from bridge.schema import DB_1
from bridge.tables import (
    ConversationRecord,
    GroupMemberRecord,
    GroupRecord,
    MessageRecord,
    ParticipantRecord,
    ProfileRecord,
    QuoteRecord,
    UserRecord,
    known_moment,
    moment,
    moment_or_earliest,
)
from tests.people import OTHER_ROOM, ROOM, A, B, D, conversation_id, message_id

EARLIEST = datetime.min.replace(tzinfo=UTC)
LATEST = datetime.max.replace(tzinfo=UTC)

ROW: dict[str, Any] = {
    "id": message_id(1),
    "conversation_id": ROOM,
    "sender_id": B.user_id,
    "reply_to_id": None,
    "message_type": "text",
    "encrypted_content": "hello",
    "content_hash": None,
    "metadata": {"isAsciiArt": True},
    "edited_at": None,
    "deleted_at": None,
    "created_at": "2026-01-02T03:04:05.678901+00:00",
    "expires_at": "2026-02-01T00:00:00+00:00",
}
ORIGINAL = {
    "id": message_id(0),
    "conversation_id": ROOM,
    "sender_id": A.user_id,
    "encrypted_content": "original",
    "deleted_at": None,
}


def read(**changes: object) -> Message:
    """Read a message row with columns replaced."""
    return msgspec.convert({**ROW, **changes}, MessageRecord).model(DB_1)


def test_a_users_row_is_read_linked_or_not() -> None:
    """D has no auth_user_id; its column is null or, in a narrow select, absent."""
    row = {"id": D.user_id, "username": "d", "display_name": "Person D", "phone_number": D.phone, "bio": "ignored"}
    assert msgspec.convert(row, UserRecord).model() == D.user
    assert msgspec.convert({**row, "auth_user_id": None, "avatar_url": None}, UserRecord).model() == D.user
    linked = msgspec.convert({**row, "auth_user_id": "a", "avatar_url": "d.png"}, UserRecord).model()
    assert (linked.auth_user_id, linked.avatar_url) == ("a", "d.png")


def test_a_profile_is_read() -> None:
    """The public columns only."""
    row = {"id": B.user_id, "username": "b", "display_name": "Person B", "avatar_url": None}
    assert msgspec.convert(row, ProfileRecord).model() == B.profile


def test_a_participant_is_active_until_it_left() -> None:
    """left_at is null or absent for members."""
    row = {"id": "p", "conversation_id": ROOM, "user_id": B.user_id}
    assert msgspec.convert(row, ParticipantRecord).model().left_at is None
    assert msgspec.convert(
        {**row, "left_at": "2026-01-01T00:00:00+00:00"}, ParticipantRecord
    ).model().left_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_message_row_is_read_whole() -> None:
    """As it stands in the table; sender and original come only where they were asked for."""
    message = read()
    assert message.content == "hello"
    assert message.metadata == {"isAsciiArt": True}
    assert message.created_at == datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    assert message.expires_at == datetime(2026, 2, 1, tzinfo=UTC)
    assert (message.sender, message.reply_to, message.edited_at, message.deleted_at) == (None, None, None, None)


def test_the_embedded_sender_is_read() -> None:
    """A page brings it along."""
    sender = {"id": B.user_id, "username": "b", "display_name": "Person B", "avatar_url": None}
    assert read(sender=sender).sender == B.profile


def test_the_original_of_a_reply_is_shown() -> None:
    """If it is in the same conversation and still there."""
    assert read(reply_to_id=message_id(0), reply_to=ORIGINAL).reply_to == Quote(
        id=message_id(0), conversation_id=ROOM, sender_id=A.user_id, content="original"
    )


@pytest.mark.parametrize(
    "changes",
    [{"conversation_id": OTHER_ROOM}, {"deleted_at": "2026-01-01T00:00:00+00:00"}],
    ids=["foreign", "deleted"],
)
def test_an_original_that_must_not_be_seen_is_not_shown(changes: dict[str, object]) -> None:
    """A reply never leaks another conversation, nor what was deleted (contract F10)."""
    assert read(reply_to_id=message_id(0), reply_to={**ORIGINAL, **changes}).reply_to is None


def test_a_quote_is_read_with_its_conversation() -> None:
    """Who asks decides whether it may be shown."""
    foreign = msgspec.convert({**ORIGINAL, "conversation_id": conversation_id(9)}, QuoteRecord).model(DB_1)
    assert (foreign.conversation_id, foreign.content) == (conversation_id(9), "original")


def test_a_row_without_type_or_time_is_still_a_message() -> None:
    """Both columns allow null: one such row must not make its whole conversation unreadable."""
    assert read(message_type=None).message_type == "text"
    assert read(created_at=None).created_at == EARLIEST
    assert read(metadata=None).metadata is None


@pytest.mark.parametrize(
    "column", ["id", "conversation_id", "sender_id", "encrypted_content", "created_at", "metadata"]
)
def test_a_row_without_a_needed_column_is_no_message(column: str) -> None:
    """Absent is not null: Realtime leaves large values out, and then the row has to be read again."""
    row = {name: value for name, value in ROW.items() if name != column}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(row, MessageRecord)


@pytest.mark.parametrize(
    ("text", "read_as"),
    [
        ("2026-01-02T03:04:05+00:00", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05.1+00:00", datetime(2026, 1, 2, 3, 4, 5, 100_000, tzinfo=UTC)),
        ("2026-01-02T03:04:05.678901+00", datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)),
        ("2026-01-02 03:04:05Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T03:04:05", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("2026-01-02T08:34:05+05:30", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("infinity", LATEST),
        ("10000-01-01T00:00:00+00:00", LATEST),
        ("294276-12-31T23:59:59.999999+00:00", LATEST),
        ("-infinity", EARLIEST),
        ("0044-03-15T12:00:00+00:00 BC", EARLIEST),
        ("4713-01-01 00:00:00+00 BC", EARLIEST),
    ],
)
def test_whatever_the_database_prints_as_a_time_is_read(text: str, read_as: datetime) -> None:
    """Anybody may write any time (contract F25); what Python cannot hold becomes its nearest end."""
    assert known_moment(text) == read_as
    assert known_moment(text).tzinfo is not None
    assert moment(text) == read_as


def test_no_time_is_no_time() -> None:
    """Null stays None, or comes before everything where a time is needed."""
    assert moment(None) is None
    assert moment_or_earliest(None) == EARLIEST
    assert moment_or_earliest("2026-01-01T00:00:00+00:00") == datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01T00:00:00+00:00", "12:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """As any other value of the wrong kind."""
    with pytest.raises(msgspec.ValidationError, match="not a time"):
        known_moment(text)


@given(
    st.integers(0, 3_000_000_000), st.integers(0, 999_999), st.integers(-14 * 60, 14 * 60), st.sampled_from(["T", " "])
)
def test_every_time_is_read_as_it_was_printed(seconds: int, micros: int, offset: int, separator: str) -> None:
    """With any fraction and in any zone."""
    zone = timezone(timedelta(minutes=offset))
    written = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds, microseconds=micros)
    assert known_moment(written.astimezone(zone).isoformat(separator)) == written


def test_a_conversations_row_is_read_whole() -> None:
    """Columns that may be null in the table may be null here; an undated one is before all others."""
    nothing = dict.fromkeys(ConversationRecord.__struct_fields__)
    printed = {**nothing, "id": "c1", "type": "room", "disappearing_messages_enabled": False}
    row = msgspec.convert(printed, ConversationRecord).model()
    assert (row.id, row.type, row.name, row.is_private, row.group_id) == ("c1", "room", None, None, None)
    assert row.created_at == row.updated_at == moment_or_earliest(None)
    dated = msgspec.convert({**printed, "created_at": "2026-01-01T00:00:00+00:00"}, ConversationRecord).model()
    assert dated.created_at == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_group_and_its_members_are_read() -> None:
    """Active until they left."""
    nothing = dict.fromkeys(GroupRecord.__struct_fields__)
    group = msgspec.convert({**nothing, "id": "g1", "name": "Chess"}, GroupRecord).model()
    assert (group.id, group.name, group.invite_code, group.created_at) == (
        "g1",
        "Chess",
        None,
        moment_or_earliest(None),
    )
    printed = {"group_id": "g1", "user_id": "u1", "role": None, "left_at": "2026-01-01T00:00:00+00:00"}
    member = msgspec.convert(printed, GroupMemberRecord).model()
    assert (member.user_id, member.role, member.left_at) == ("u1", None, datetime(2026, 1, 1, tzinfo=UTC))
