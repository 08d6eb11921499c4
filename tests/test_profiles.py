"""Profiles of senders are kept for a minute, and a failed read costs a message its sender, not its delivery."""

from __future__ import annotations

from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.errors import StoreDown
from bridge.models import UserId
from bridge.profiles import MAX_AGE_SECONDS
from tests.parts import Parts
from tests.people import B


async def test_a_profile_is_read_once_a_minute() -> None:
    """Then a changed name shows."""
    parts = Parts()
    assert await parts.context.profiles.of(B.user_id) == B.profile
    parts.tables.people = [replace(user, display_name="New name") for user in parts.tables.people]
    parts.clock.advance(MAX_AGE_SECONDS)
    assert await parts.context.profiles.of(B.user_id) == B.profile
    parts.clock.advance(0.001)
    assert await parts.context.profiles.of(B.user_id) == replace(B.profile, display_name="New name")
    assert parts.store.asked("users.profiles") == 2


async def test_a_profile_that_was_read_anyway_is_not_asked_for() -> None:
    """A login brings it along."""
    parts = Parts()
    parts.context.profiles.remember(B.profile)
    assert await parts.context.profiles.of(B.user_id) == B.profile
    assert parts.store.asked("users.profiles") == 0


async def test_an_unknown_user_has_no_profile() -> None:
    """And may have one the next time."""
    parts = Parts()
    nobody = UserId("nobody")
    assert await parts.context.profiles.of(nobody) is None
    parts.tables.add_user(replace(B.user, id=nobody))
    assert await parts.context.profiles.of(nobody) is not None


async def test_a_profile_that_cannot_be_read_is_none() -> None:
    """With a line in the log; the next time it is asked for again (contract F32)."""
    parts = Parts()
    parts.door.failing["users.profiles"] = StoreDown("ConnectError")
    with capture_logs() as logs:
        assert await parts.context.profiles.of(B.user_id) is None
    assert [(line["event"], line["cause"]) for line in logs] == [("profile.unreadable", "StoreDown")]
    del parts.door.failing["users.profiles"]
    assert await parts.context.profiles.of(B.user_id) == B.profile
