"""What old endpoints answer when tables, keys or we ourselves fail: the old words, and no trace."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from bridge.errors import StoreDown, StoreRefused
from bridge.keyring import KeysUnavailable
from tests.compat.good_requests import EACH, GOOD, INTERNAL, TWO, Request, send
from tests.compat.shims import CONVERSATIONS, PROFILE, participants, shims
from tests.people import B, D

FAILURES = {
    "list_conversations": {"": "Failed to load conversations"},
    "make_conversation": {
        "conversations.directs_between": "Failed to create conversation",
        "conversations.insert": "Failed to create conversation",
        "users.by_any_ids": "Failed to validate participants",
        "conversations.admit": "Failed to add participants",
    },
    "list_participants": {"": "Failed to load participants"},
    "let_people_in": {"": "Failed to add participants"},
    "list_groups": {"": "Failed to load groups"},
    "find_people": {"": "Failed to search users"},
    "read_timer": {"": "Failed to fetch conversation settings"},
    "write_timer": {"": "Failed to update conversation settings"},
    "read_retention": {"": "Failed to fetch user settings"},
    "write_retention": {"": "Failed to update settings"},
    "change_profile": {"": "Database error while checking user", "accounts.update_profile": "Failed to update profile"},
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("failure", [StoreDown("503"), StoreRefused("42703 column secret does not exist")], ids=str)
async def test_the_tables_failure_is_told_in_the_old_words(name: str, failure: Exception) -> None:
    """Nothing of its cause; the log has that, and neither token nor text (contract F11)."""
    for question, text in FAILURES[name].items():
        async with shims() as s:
            if question:
                s.world.door.failing[question] = failure
            else:
                s.world.tables.failing = failure  # type: ignore[assignment]  # one of its subclasses
            headers = s.known(B, GOOD[name].path)
            with capture_logs() as lines:
                told = await s.told(GOOD[name].method, GOOD[name].path, headers, GOOD[name].content)
            assert told.error == (500, text)
            assert any("cause" in line for line in lines)
            assert not any(secret in str(lines) for secret in (s.token(B), *headers.values()))


async def test_a_conversion_that_fails_is_told_so() -> None:
    """Step 6 of contract legacy-rest section 3.4; and step 5, for what was deleted a moment ago."""
    async with shims() as s:
        pair = (await s.ask("POST", CONVERSATIONS, TWO)).body["conversation_id"]
        s.world.door.failing["traits.make_group"] = StoreDown()
        told = await s.ask("POST", participants(pair), {"user_ids": [D.user_id]})
        assert told.error == (500, "Failed to convert to group conversation")
        s.world.door.failing.clear()
        s.world.door.meanwhile("traits.of", lambda: s.world.tables.conversation_rows.pop(pair))
        told = await s.ask("POST", participants(pair), {"user_ids": [D.user_id]})
        assert told.error == (404, "Conversation not found")


async def test_a_profile_that_is_gone_is_told_so() -> None:
    """Step 8 of contract legacy-rest section 3.9."""
    async with shims() as s:
        s.world.door.meanwhile("users.by_auth_id", s.world.tables.people.clear)
        told = await s.ask("POST", PROFILE, {"bio": "x"})
        assert told.error == (404, "Profile update failed - user not found or permission denied")


@EACH
async def test_a_token_that_cannot_be_judged_is_our_trouble(good: Request) -> None:
    """Nobody is sent away for it with 401 (contract F13)."""
    async with shims() as s:

        async def unreachable() -> bytes:
            raise KeysUnavailable

        s.world.verifier._keyring._fetch = unreachable
        token = s.world.mint.es256(B.auth_id)
        assert (await send(s, good, token)).error == INTERNAL


@EACH
async def test_a_fault_of_ours_is_told_without_its_trace(good: Request) -> None:
    """The log has it."""
    async with shims() as s:
        s.world.door.failing["users.by_auth_id"] = ZeroDivisionError("secret")
        with capture_logs() as lines:
            told = await s.ask(*good)
        assert told.error == INTERNAL
        assert "secret" not in str(told)
        assert [line["event"] for line in lines] == ["request.failed"]
