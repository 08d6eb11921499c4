"""The measure itself: what a client makes of frames, and that a difference is seen."""

from __future__ import annotations

from tests.clients.envelopes import Json
from tests.e2e.convergence.replica import Replica
from tests.e2e.convergence.test_converging import differences, told

ROOM, ME, OTHER = "room", "me", "other"


def message(number: int, sender: str = OTHER, **more: object) -> Json:
    """Return a message as frames show it."""
    at = f"2026-01-01T00:00:0{number}+00:00"
    shown = {"id": f"m{number}", "conversation_id": ROOM, "sender_id": sender, "created_at": at, "sender": None}
    return {**shown, "encrypted_content": f"text {number}", **more}


def holding(*messages: Json, unread: int = 0) -> Replica:
    """Return a client with a line in its list, and the conversation open if there are messages."""
    replica = Replica()
    replica.take({"type": "auth_success", "payload": {"user": {"id": ME}}})
    line = {"id": ROOM, "participant_count": 1, "unread_count": unread, "latest_message_id": None}
    replica.take({"type": "conversations_loaded", "payload": {"conversations": [line]}})
    if messages:
        replica.take({"type": "messages_loaded", "payload": {"conversationId": ROOM, "messages": list(messages)}})
    return replica


def push(replica: Replica, frame_type: str, **payload: object) -> Json:
    """Let a push come, and return the line of the list."""
    replica.take({"type": frame_type, "payload": payload})
    return replica.view()["conversations"][ROOM]  # type: ignore[no-any-return]  # a line


def test_what_comes_is_unread_until_it_is_read_or_answered() -> None:
    """In an opened conversation by place, whatever the order in which it came."""
    replica = holding(message(1))
    assert push(replica, "message_received", message=message(4))["unread_count"] == 1
    assert push(replica, "message_received", message=message(3))["latest_message_id"] == "m4"
    assert push(replica, "messages_read", conversationId=ROOM, userId=OTHER, messageIds=["m4"])["unread_count"] == 2
    assert push(replica, "messages_read", conversationId=ROOM, userId=ME, messageIds=["m3"])["unread_count"] == 1
    assert push(replica, "message_received", message=message(5, ME))["unread_count"] == 0


def test_in_a_list_only_what_is_newer_counts() -> None:
    """A message may have been in the line already."""
    replica = holding(unread=2)
    assert push(replica, "message_received", message=message(2))["unread_count"] == 3
    assert push(replica, "message_received", message=message(2))["unread_count"] == 3
    assert push(replica, "message_received", message=message(1))["last_message_content"] == "text 2"
    assert push(replica, "message_received", message=message(3, ME))["unread_count"] == 0


def test_edits_and_deletions_reach_quotes_and_the_line() -> None:
    """And frames stay as they came."""
    quote = {"id": "m1", "encrypted_content": "text 1", "sender_id": OTHER}
    reply = message(2, reply_to=quote)
    replica = holding(message(1), reply)
    push(replica, "message_updated", message=message(1, encrypted_content="better"))
    assert replica.messages[ROOM]["m2"]["reply_to"]["encrypted_content"] == "better"
    assert push(replica, "message_deleted", messageId="m1", conversationId=ROOM)["latest_message_id"] == "m2"
    assert "reply_to" not in replica.messages[ROOM]["m2"]
    assert push(replica, "message_deleted", messageId="m2", conversationId=ROOM)["latest_message_id"] is None
    assert reply["reply_to"] == quote


def test_members_are_counted_where_they_are_known() -> None:
    """And with the conversation everything of it goes."""
    replica = holding(message(1))
    assert push(replica, "member_added", conversationId=ROOM, user={"id": OTHER})["participant_count"] == 1
    rows = [{"userId": one, "status": "online", "lastSeen": None} for one in (ME, OTHER)]
    assert push(replica, "presence_loaded", conversationId=ROOM, users=rows)["participant_count"] == 2
    assert push(replica, "member_added", conversationId=ROOM, user={"id": "third"})["participant_count"] == 3
    assert push(replica, "member_removed", conversationId=ROOM, userId="third")["participant_count"] == 2
    assert replica.view()["presence"].keys() == {OTHER}
    replica.take({"type": "conversation_removed", "payload": {"conversationId": ROOM}})
    assert not any(replica.view().values())


def test_a_difference_is_seen_and_said() -> None:
    """In what is held, and in what is in one of the lists only."""
    held = holding(message(1), message(2)).view()
    loaded = holding(message(1), message(2, encrypted_content="other")).view()
    found = differences(held, loaded)
    assert found.keys() == {"conversations", "messages"}
    assert "peer messages room: m2" in "\n".join(told({"peer": found}))
    assert differences(held, {**held, "groups": {"g": "A group"}}) == {"groups": {"g": (None, "A group")}}
    assert differences(held, held) == {}
