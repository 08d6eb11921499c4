"""Ids say where a row came from, and a retried send is the same row."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import EPOCH
from bridge.ids import (
    canonical_uuid,
    derived_message_id,
    direct_conversation_id,
    fresh_id,
    new_conversation_id,
    new_group_id,
    new_invite_code,
    new_message_id,
    written_by_bridge,
)
from bridge.models import UserId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
BOB = UserId("00000001-0000-4000-8000-000000000000")


def test_fresh_ids_are_uuids_of_version_4_and_never_repeat() -> None:
    """Every frame that nobody asked for has its own."""
    made = {fresh_id() for _ in range(100)}
    assert len(made) == 100
    assert {uuid.UUID(one).version for one in made} == {4}


@given(st.uuids())
def test_any_uuid_with_hyphens_is_read_in_any_case(value: uuid.UUID) -> None:
    """Clients may write upper case; the tables hold lower case."""
    assert canonical_uuid(str(value)) == str(value)
    assert canonical_uuid(str(value).upper()) == str(value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not a uuid",
        "00000001000040008000000000000000",
        "{00000001-0000-4000-8000-000000000000}",
        "urn:uuid:00000001-0000-4000-8000-000000000000",
        " 00000001-0000-4000-8000-000000000000",
        "00000001-0000-4000-8000-000000000000\n",
        "0000000g-0000-4000-8000-000000000000",
        "0000000\u0661-0000-4000-8000-000000000000",
        "0000000\uff21-0000-4000-8000-000000000000",
        "00000001-0000-4000-8000-000000000000,id.neq.1",
    ],
)
def test_anything_else_is_no_uuid(text: str) -> None:
    """What is not exactly a uuid never reaches a filter."""
    assert canonical_uuid(text) is None


@given(st.text())
def test_reading_an_id_never_fails(text: str) -> None:
    """Whatever is read is a uuid that the standard library reads too."""
    canonical = canonical_uuid(text)
    assert canonical is None or str(uuid.UUID(canonical)) == canonical


@given(st.integers(0, 200 * 365))
def test_our_message_ids_are_of_version_8(days: int) -> None:
    """The version is what tells our rows from a legacy writer's."""
    made = uuid.UUID(new_message_id(EPOCH + timedelta(days=days)))
    assert (made.version, made.variant) == (8, uuid.RFC_4122)
    assert written_by_bridge(str(made))


def test_later_message_ids_sort_later() -> None:
    """An id begins with its milliseconds, so that new rows sit together in the index."""
    assert new_message_id(NOW) < new_message_id(NOW + timedelta(milliseconds=1))
    assert new_message_id(NOW) != new_message_id(NOW)


@given(st.text())
def test_a_retried_send_gets_the_same_id(client_message_id: str) -> None:
    """The id follows from sender and client message id, and from nothing else."""
    if any("\ud800" <= character <= "\udfff" for character in client_message_id):
        return
    made = derived_message_id(BOB, client_message_id)
    assert made == derived_message_id(BOB, client_message_id)
    assert uuid.UUID(made).version == 8
    assert written_by_bridge(made)


def test_derived_ids_differ_by_sender_and_by_name() -> None:
    """Nobody can name a message of somebody else's."""
    other = UserId("00000002-0000-4000-8000-000000000000")
    made = {derived_message_id(user, name) for user in (BOB, other) for name in ("1", "2", "", "1\0")}
    assert len(made) == 8


@pytest.mark.parametrize("text", ["", "short", "00000001-0000-4000-8000-000000000000"])
def test_other_ids_are_a_legacy_writers(text: str) -> None:
    """Version 4 is what browsers and databases make."""
    assert not written_by_bridge(text)


CAROL = UserId("00000002-0000-4000-8000-000000000000")


def test_new_rows_of_every_kind_say_that_the_bridge_wrote_them() -> None:
    """Version 8, later ones larger, never the same."""
    for make in (new_conversation_id, new_group_id):
        first, second, later = make(NOW), make(NOW), make(NOW + timedelta(milliseconds=1))
        assert first != second
        assert max(first, second) < later
        assert {uuid.UUID(one).version for one in (first, second, later)} == {8}


@given(st.uuids(), st.uuids(), st.integers(0, 5), st.integers(0, 5))
def test_the_direct_conversation_of_two_has_one_id(one: uuid.UUID, other: uuid.UUID, now: int, then: int) -> None:
    """Whoever asks, in whichever process; another for another pair and for another generation."""
    ann, bob = UserId(str(one)), UserId(str(other))
    made = direct_conversation_id(ann, bob, now)
    assert made == direct_conversation_id(bob, ann, now)
    assert uuid.UUID(made).version == 8
    assert (made == direct_conversation_id(ann, bob, then)) == (now == then)
    assert (made == direct_conversation_id(BOB, CAROL, now)) == ({ann, bob} == {BOB, CAROL})


def test_the_direct_conversation_of_two_keeps_its_id_for_ever() -> None:
    """Another derivation would give everybody a second conversation."""
    assert direct_conversation_id(BOB, CAROL, 0) == "6be7ad85-64ef-8af3-9bd7-e819f50879ec"


def test_invite_codes_are_eight_upper_case_hex_digits() -> None:
    """As the app's own, and each another."""
    made = {new_invite_code() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("[0-9A-F]{8}", code) for code in made)
