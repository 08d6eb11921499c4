"""Stored things are frozen values that know who and where they are."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bridge.events import MessageSent, message_key
from bridge.models import AuthId, Identity, MessageId, Position, UserId, profile_of
from tests.people import ROOM, A, B, C, message, message_id

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_an_identity_is_a_member_under_either_id() -> None:
    """Some participant rows hold the auth id (contract data-model section 6)."""
    identity = Identity(user_id=UserId("u"), auth_id=AuthId("a"))
    assert identity.ids == {"u", "a"}
    assert identity.is_among({"u"})
    assert identity.is_among({"a", "z"})
    assert not identity.is_among({"z"})
    assert not identity.is_among(frozenset())


def test_one_id_for_both_is_one_id() -> None:
    """Users like A have the same id twice."""
    assert A.identity.ids == {A.user_id}
    assert B.identity.ids == {B.user_id, B.auth_id}


def test_positions_follow_time_and_then_id() -> None:
    """Equal times are told apart by id (contract F25)."""
    places = [
        Position(NOW, MessageId("b")),
        Position(NOW - timedelta(seconds=1), MessageId("z")),
        Position(NOW, MessageId("a")),
    ]
    assert [place.id for place in sorted(places)] == ["z", "a", "b"]


def test_a_profile_is_what_others_see_of_a_user() -> None:
    """No phone number, no auth id."""
    assert profile_of(B.user) == B.profile
    assert not {"phone_number", "auth_user_id"} & set(B.profile.__struct_fields__)


def test_stored_values_cannot_be_changed() -> None:
    """They cross layers and tasks."""
    with pytest.raises(AttributeError):
        message(1).content = "other"  # type: ignore[misc]  # the test is that it is refused


def test_an_event_is_about_a_conversation_and_knows_its_repeats() -> None:
    """Our own write and its echo have the same key, whatever else differs."""
    event = MessageSent(message=message(1, B))
    echo = MessageSent(message=message(1, C, content="as the feed shows it"))
    assert event.topic == ROOM
    assert event.key == echo.key == message_key(message_id(1))
    assert MessageSent(message=message(2)).key != event.key
