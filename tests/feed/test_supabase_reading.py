"""What the client hands over is read: changes, and the reasons of the server."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.feed.changes import RowChange
from bridge.feed.supabase.pauses import EpochEnded
from bridge.feed.supabase.reading import reason_of, row_change
from tests.feed.epochs import event


def test_a_change_is_read_from_its_event() -> None:
    """INSERT has no old row, DELETE no new one (supabase.md 2.4)."""
    assert row_change(event(table="messages", type="INSERT", record={"id": "m"}, errors=None)) == RowChange(
        table="messages", type="INSERT", record={"id": "m"}
    )
    assert row_change(event(table="messages", type="DELETE", old_record={"id": "m"})).old_record == {"id": "m"}


@pytest.mark.parametrize(
    "arrival", [{}, {"data": None}, {"data": {}}, {"data": {"table": "messages", "type": "TRUNCATE"}}], ids=str
)
def test_an_event_that_cannot_be_read_ends_the_epoch(arrival: Any) -> None:
    """It may have been a change of ours; the next epoch catches up."""
    with pytest.raises(EpochEnded, match="could not be read"):
        row_change(arrival)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (None, "no reason given"),
        (Exception("{'reason': 'secret row'}"), "Exception"),
        (ValueError("not json"), "ValueError"),
        (Exception('{"reason": "Unauthorized"}'), "Unauthorized"),
        (Exception('{"message": "too many"}'), "too many"),
        (Exception("{}"), "no reason given"),
        (Exception("[1]"), "unknown"),
    ],
)
def test_the_servers_reason_is_told(error: Exception | None, told: str) -> None:
    """And nothing that could be a row."""
    assert reason_of(error) == told
