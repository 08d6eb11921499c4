"""An action is declared with its errors, decoded strictly, and listed once."""

from __future__ import annotations

from typing import cast

import pytest
from msgspec import Raw, Struct
from msgspec.structs import replace

from bridge.actions import ACTIONS
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Action, Faults, action, table
from bridge.errors import INTERNAL_ERROR, INVALID_MESSAGE, UNAUTHORIZED, ActionError, ErrorCode, Fault
from bridge.protocol import LISTED_TYPES
from tests.emulated_w1 import KNOWN_TYPES
from tests.parts import Parts
from tests.people import B

FAULTS = Faults(unauthenticated=UNAUTHORIZED, malformed=INVALID_MESSAGE, database=INTERNAL_ERROR)


class Count(Struct, frozen=True):
    """A request."""

    number: int
    name: str | None = None


@action("count", Count, reply="counted", result=Count, faults=FAULTS)
async def count(request: Count, caller: Caller, context: Context) -> Outcome:
    """Answer with what was asked."""
    return Outcome(result=[request, caller.user.username, context.clock.now().year])


async def asked(payload: bytes) -> Count:
    """Perform the action with this payload and return the request it saw."""
    parts = Parts()
    outcome = await count.perform(Raw(payload), parts.caller(B), parts.context)
    request, username, year = cast("list[object]", outcome.result)
    assert (username, year, outcome.then) == ("b", 2026, None)
    assert isinstance(request, Count)
    return request


async def test_the_handler_gets_a_typed_request_the_caller_and_the_context() -> None:
    """And no JSON, no request id, no socket."""
    assert await asked(b'{"number":5,"name":"five","ignored":[]}') == Count(5, "five")


async def test_a_number_in_quotes_is_a_number() -> None:
    """Clients that build payloads from form fields send such."""
    assert await asked(b'{"number":"5"}') == Count(5)
    assert await asked(b'{"number":5.0}') == Count(5)
    assert (await asked(b'{"number":5,"name":"null"}')).name == "null"


@pytest.mark.parametrize(
    "payload",
    [
        b"{}",
        b'{"number":null}',
        b'{"number":"five"}',
        b'{"number":5.5}',
        b'{"number":true}',
        b'{"number":[]}',
        b'{"number":5,"name":5}',
        b'{"number":5,"name":"\\ud800"}',
        b'{"number":5,"x":' + b"[" * 2000 + b"]" * 2000 + b"}",
        b"[]",
        b"",
    ],
    ids=lambda payload: repr(payload[:40]),
)
async def test_a_payload_that_does_not_fit_is_the_actions_own_fault(payload: bytes) -> None:
    """Each action has its own code for it (contract ws-protocol section 4)."""
    with pytest.raises(ActionError) as caught:
        await asked(payload)
    assert caught.value.fault is INVALID_MESSAGE


async def test_a_request_made_elsewhere_needs_no_decoding() -> None:
    """The old REST endpoints call the same action."""
    parts = Parts()
    outcome = await count(Count(7), parts.caller(B), parts.context)
    assert cast("list[object]", outcome.result)[0] == Count(7)


def test_two_actions_may_not_share_a_name() -> None:
    """Found at import."""
    one = cast("Action[Struct]", count)
    assert table(one) == {"count": one}
    with pytest.raises(ValueError, match="share a name"):
        table(one, one)


def test_an_unexpected_error_has_a_default() -> None:
    """SERVER_ERROR with the internal text."""
    assert FAULTS.unexpected == INTERNAL_ERROR


def test_every_action_is_a_type_of_the_wire_with_a_reply_every_client_knows() -> None:
    """No invented names."""
    for name, one in ACTIONS.items():
        assert one.name == name
        assert name in LISTED_TYPES
        # An action that no old client knows may be answered by a type that none knows.
        assert one.reply in (KNOWN_TYPES if name in KNOWN_TYPES else LISTED_TYPES)


AUTH = "Authentication required"
CONTRACT = {
    "load_conversations": (
        "conversations_loaded",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Conversation ID required"),
        ("DATABASE_ERROR", "Failed to load conversations"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "join_conversation": (
        "conversation_joined",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Conversation ID required"),
        ("SERVER_ERROR", "Internal server error"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "leave_conversation": (
        "conversation_left",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Conversation ID required"),
        ("SERVER_ERROR", "Internal server error"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "create_conversation": (
        "conversation_created",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Participant IDs required"),
        ("DATABASE_ERROR", "Failed to create conversation"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "send_message": (
        "message_sent",
        ("UNAUTHORIZED", AUTH),
        ("MISSING_REQUIRED_FIELDS", "Conversation ID and content are required"),
        ("DATABASE_ERROR", "Failed to send message"),
        ("SERVER_ERROR", "Failed to send message"),
    ),
    "load_messages": (
        "messages_loaded",
        ("UNAUTHORIZED", AUTH),
        ("MISSING_CONVERSATION_ID", "Conversation ID is required"),
        ("DATABASE_ERROR", "Failed to load messages"),
        ("SERVER_ERROR", "Failed to load messages"),
    ),
    "load_more_messages": (
        "messages_loaded",
        ("UNAUTHORIZED", AUTH),
        ("MISSING_REQUIRED_FIELDS", "Conversation ID and beforeMessageId are required"),
        ("DATABASE_ERROR", "Failed to load more messages"),
        ("SERVER_ERROR", "Failed to load more messages"),
    ),
    "mark_as_read": (
        "marked_as_read",
        ("UNAUTHORIZED", AUTH),
        ("MISSING_REQUIRED_FIELDS", "Conversation ID and messageIds are required"),
        ("DATABASE_ERROR", "Failed to mark messages as read"),
        ("SERVER_ERROR", "Failed to mark messages as read"),
    ),
    "load_presence": (
        "presence_loaded",
        ("UNAUTHORIZED", AUTH),
        ("MISSING_CONVERSATION_ID", "Conversation ID is required"),
        ("DATABASE_ERROR", "Failed to load presence"),
        ("SERVER_ERROR", "Failed to load presence"),
    ),
    "set_presence": (
        "presence_set",
        ("UNAUTHORIZED", AUTH),
        ("INVALID_DATA", "Status must be online, away or busy"),
        ("SERVER_ERROR", "Failed to set presence"),
        ("SERVER_ERROR", "Failed to set presence"),
    ),
    "create_group": (
        "group_created",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Group name required"),
        ("DATABASE_ERROR", "Failed to create group"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "join_group": (
        "group_joined",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Invite code required"),
        ("DATABASE_ERROR", "Failed to join group"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "load_groups": (
        "groups_loaded",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_MESSAGE", "Invalid message format"),
        ("DATABASE_ERROR", "Failed to load groups"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "typing_start": (
        "typing_start",
        ("UNAUTHORIZED", AUTH),
        ("MISSING_CONVERSATION_ID", "Conversation ID is required"),
        ("SERVER_ERROR", "Failed to start typing indicator"),
        ("SERVER_ERROR", "Failed to start typing indicator"),
    ),
    "typing_stop": (
        "typing_stop",
        ("UNAUTHORIZED", AUTH),
        ("MISSING_CONVERSATION_ID", "Conversation ID is required"),
        ("SERVER_ERROR", "Failed to stop typing indicator"),
        ("SERVER_ERROR", "Failed to stop typing indicator"),
    ),
    "load_participants": (
        "participants_loaded",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Conversation ID required"),
        ("DATABASE_ERROR", "Failed to load participants"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "add_participants": (
        "participants_added",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "user_ids is required and must be a non-empty array"),
        ("DATABASE_ERROR", "Failed to add participants"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "search_users": (
        "users_found",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Search text required"),
        ("DATABASE_ERROR", "Failed to search users"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "load_conversation_timer": (
        "conversation_timer_loaded",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Conversation ID required"),
        ("DATABASE_ERROR", "Failed to fetch conversation settings"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "set_conversation_timer": (
        "conversation_timer_set",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "disappearing_messages_enabled must be a boolean"),
        ("DATABASE_ERROR", "Failed to update conversation settings"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "set_own_timer": (
        "own_timer_set",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "disappear_seconds must be a non-negative number"),
        ("DATABASE_ERROR", "Failed to update conversation settings"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "load_retention": (
        "retention_loaded",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_MESSAGE", "Invalid message format"),
        ("DATABASE_ERROR", "Failed to fetch user settings"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "set_retention": (
        "retention_set",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Invalid retention days value"),
        ("DATABASE_ERROR", "Failed to update settings"),
        ("SERVER_ERROR", "Internal server error"),
    ),
    "update_profile": (
        "profile_updated",
        ("AUTH_REQUIRED", AUTH),
        ("INVALID_DATA", "Bio and website must be strings"),
        ("DATABASE_ERROR", "Failed to update profile"),
        ("SERVER_ERROR", "Internal server error"),
    ),
}
"""Reply; errors without session, of a payload that does not fit, of the database, unexpected (ws-protocol 4)."""


@pytest.mark.parametrize("name", sorted(ACTIONS))
def test_replies_and_errors_are_the_contracts(name: str) -> None:
    """Word for word."""

    def fault(code: str, text: str) -> Fault:
        return Fault(ErrorCode[code], text)

    one = ACTIONS[name]
    reply, *faults = CONTRACT[name]
    expected = Faults(
        unauthenticated=fault(*faults[0]),
        malformed=fault(*faults[1]),
        database=fault(*faults[2]),
        unexpected=fault(*faults[3]),
    )
    assert (one.reply, replace(one.faults, fields={})) == (reply, expected)
