"""What stored things look like on the wire: exactly the contract's fields, the same on every path."""

from __future__ import annotations

import json
from datetime import timedelta

import msgspec
from msgspec.structs import replace

from bridge.models import AuthId, ConversationSummary, Quote
from bridge.rows import conversation_row, made_conversation_row, message_row, sender_row, user_row
from bridge.store.memory.tables import conversation_of
from tests.people import BIRTH, ROOM, B, D, message, message_id

WHOLE = replace(message(1, content="héllo \U0001f600"), sender=B.profile, expires_at=BIRTH + timedelta(days=30))


def printed(row: object) -> dict[str, object]:
    """Return the row as a client reads it."""
    read: dict[str, object] = json.loads(msgspec.json.encode(row))
    return read


def test_a_message_has_the_fields_of_the_contract() -> None:
    """contract ws-protocol section 5; a message that is no reply has no key reply_to."""
    assert printed(message_row(WHOLE)) == {
        "id": message_id(1),
        "conversation_id": ROOM,
        "sender_id": B.user_id,
        "reply_to_id": None,
        "message_type": "text",
        "encrypted_content": "héllo \U0001f600",
        "content_hash": None,
        "metadata": {},
        "edited_at": None,
        "deleted_at": None,
        "created_at": "2026-01-01T00:00:01+00:00",
        "expires_at": "2026-01-31T00:00:00+00:00",
        "sender": {"id": B.user_id, "username": "b", "display_name": "Person B", "avatar_url": None},
    }


def test_a_reply_shows_its_original() -> None:
    """With content and sender, and nothing of the conversation it is in."""
    quote = Quote(id=message_id(0), conversation_id=ROOM, sender_id=D.user_id, content="original")
    row = printed(message_row(replace(WHOLE, reply_to_id=message_id(0), reply_to=quote)))
    assert row["reply_to_id"] == message_id(0)
    assert row["reply_to"] == {"id": message_id(0), "encrypted_content": "original", "sender_id": D.user_id}


def test_a_message_is_shown_even_without_its_sender() -> None:
    """When the users row could not be read, the message still arrives (contract F32)."""
    assert printed(message_row(message(1)))["sender"] is None
    assert sender_row(None) is None


def test_times_of_changes_are_shown() -> None:
    """Edited and deleted as the tables print them."""
    row = printed(message_row(replace(WHOLE, edited_at=BIRTH, deleted_at=BIRTH)))
    assert (row["edited_at"], row["deleted_at"]) == ("2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00")


SUMMARY = ConversationSummary(
    id=ROOM,
    type="direct",
    name="Person B",
    avatar_url="b.png",
    group_id="g",
    group_name="G",
    participant_count=2,
    created_at=BIRTH,
    latest=WHOLE,
    unread_count=3,
    disappearing_messages_enabled=True,
    disappearing_messages_duration_days=7,
)


def test_a_conversation_has_both_name_sets() -> None:
    """The 13 columns of L and W1, and the names that W2 and W3 read (contract ws-protocol section 5)."""
    assert printed(conversation_row(SUMMARY)) == {
        "conversation_id": ROOM,
        "conversation_type": "direct",
        "conversation_name": "Person B",
        "conversation_avatar_url": "b.png",
        "group_id": "g",
        "group_name": "G",
        "participant_count": 2,
        "latest_message_id": message_id(1),
        "latest_message_content": "héllo \U0001f600",
        "latest_message_sender_id": B.user_id,
        "latest_message_sender_username": "b",
        "latest_message_created_at": "2026-01-01T00:00:01+00:00",
        "unread_count": 3,
        "id": ROOM,
        "type": "direct",
        "name": "Person B",
        "avatar_url": "b.png",
        "last_message_content": "héllo \U0001f600",
        "last_message_sender_username": "b",
        "last_message_at": "2026-01-01T00:00:01+00:00",
        "disappearing_messages_enabled": True,
        "disappearing_messages_duration_days": 7,
    }


def test_an_empty_conversation_has_no_latest_message() -> None:
    """All columns are there, null where there is nothing to show."""
    row = printed(conversation_row(replace(SUMMARY, latest=None)))
    assert row.keys() == printed(conversation_row(SUMMARY)).keys()
    assert {name for name, value in row.items() if value is None} == {
        name for name in row if name.startswith(("latest_", "last_"))
    }


def test_a_latest_message_without_sender_has_no_username() -> None:
    """The line is shown all the same."""
    row = printed(conversation_row(replace(SUMMARY, latest=message(1))))
    assert row["latest_message_sender_username"] is None
    assert row["last_message_sender_username"] is None
    assert row["latest_message_id"] == message_id(1)


def test_the_user_of_auth_success_is_the_only_place_of_an_auth_id() -> None:
    """For D, whose row has no auth_user_id, it is the token's (contract data-model section 6, rule 6)."""
    assert printed(user_row(D.user, AuthId("auth-of-d"), "")) == {
        "id": D.user_id,
        "auth_user_id": "auth-of-d",
        "email": "",
        "phone": D.phone,
        "username": "d",
        "display_name": "Person D",
    }


def test_a_conversation_is_shown_to_its_maker_as_it_is_in_the_table() -> None:
    """Every column, and the list's other names for four of them (contract ws-protocol section 11, rule 2)."""
    made = conversation_of(ROOM, "room", name="general", created_by=B.user_id, created_at=BIRTH, updated_at=BIRTH)
    row = printed(made_conversation_row(made))
    assert row == {
        **{name: getattr(made, name) for name in made.__struct_fields__},
        "created_at": "2026-01-01T00:00:00+00:00",
        "updated_at": "2026-01-01T00:00:00+00:00",
        "conversation_id": ROOM,
        "conversation_type": "room",
        "conversation_name": "general",
        "conversation_avatar_url": None,
    }
