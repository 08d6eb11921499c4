"""Ids say where a row came from, and a retried send is the same row."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import EPOCH
from bridge.ids import canonical_uuid, derived_message_id, fresh_id, new_message_id, written_by_bridge
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
