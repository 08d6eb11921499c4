"""Messages that are no plain text, and times."""

from __future__ import annotations

from datetime import UTC, timedelta, timezone

import pytest
from msgspec.structs import replace

from bridge.chat.messages import DELETED, SEALED, body, clock_time, day, excerpt, sender_name
from tests.chat.rows import message


def test_a_sealed_copy_is_named_and_not_spilt() -> None:
    """A copy sealed for an app is said to be one; JSON that somebody typed is shown."""
    sealed = '{"v":1,"alg":"a","kem":"k","s":"","n":"","c":"","t":0}'
    assert body(message(1, content=sealed)) == SEALED
    assert excerpt(sealed, columns=80) == SEALED
    assert body(message(1, content='{"v":1}')) == '{"v":1}'


def test_kinds_edits_and_deletions_are_marked() -> None:
    """Other types than text carry their name, edited and deleted messages say so."""
    assert body(replace(message(1), message_type="ima\x07ge")) == "[ima␇ge] hello"
    assert body(replace(message(1), edited_at="2026-01-01T00:00:00+00:00")) == "hello (edited)"
    assert body(replace(message(1), deleted_at="2026-01-01T00:00:00+00:00")) == DELETED


def test_the_sender_is_named_as_well_as_possible() -> None:
    """The display name, else the username, else nobody."""
    one = message(1)
    assert one.sender is not None
    assert sender_name(one) == "Alice"
    assert sender_name(replace(one, sender=replace(one.sender, display_name=""))) == "alice"
    assert sender_name(replace(one, sender=None)) == "(unknown)"


def test_times_are_the_readers() -> None:
    """A moment is shown in the reader's zone, the day included."""
    late = "2026-01-01T23:30:00.123456+00:00"
    east = timezone(timedelta(hours=2))
    assert (clock_time(late, UTC), clock_time(late, east)) == ("23:30", "01:30")
    assert (day(late, UTC), day(late, east)) == ("Thu 01 Jan 2026", "Fri 02 Jan 2026")


@pytest.mark.parametrize("text", [None, "", "infinity", "0001-01-01T00:00:00+00:00"])
def test_what_is_no_time_is_left_open(text: str | None) -> None:
    """A missing or impossible time does not stop a message from being shown."""
    west = timezone(timedelta(hours=-12))
    assert clock_time(text, west) == "--:--"
    assert day(text, west) is None
