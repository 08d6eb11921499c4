"""The statements that mend a database, and the refusals that call for them."""

from __future__ import annotations

import pytest

from bridge.remedies import identify, publish, supply, unpublished_table

REFUSED = (
    "CHANNEL_ERROR: Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the"
    " given connect parameters: [event: *, schema: public, table: message_status, filter: ]"
)


def test_the_statements() -> None:
    """As they are to be run."""
    assert publish("messages") == "alter publication supabase_realtime add table public.messages;"
    assert identify("messages", has_key=True) == "alter table public.messages replica identity default;"
    assert identify("messages", has_key=False) == "alter table public.messages replica identity full;"


@pytest.mark.parametrize(
    ("missing", "statement"),
    [
        ("messages.metadata", "alter table public.messages add column metadata jsonb default '{}';"),
        ("message_status.timestamp", "alter table public.message_status add column timestamp timestamptz;"),
        ("users.username", "alter table public.users add column username text;"),
        ("the table groups", "-- the table groups: run the migration of the app that makes it."),
    ],
)
def test_what_is_missing_is_supplied(missing: str, statement: str) -> None:
    """A column with the type that the app's own migrations give it; a table is the app's business."""
    assert supply(missing) == statement


@pytest.mark.parametrize(
    ("reason", "table"),
    [
        (REFUSED, "message_status"),
        (REFUSED.replace("filter: ", "filters: []"), "message_status"),
        ("CHANNEL_ERROR: no reason given", None),
        ("Unable to subscribe to changes with given parameters. table: private", None),
        ("heartbeats are not answered", None),
    ],
)
def test_a_refusal_names_the_table(reason: str, table: str | None) -> None:
    """Only the refusal that publishing mends."""
    assert unpublished_table(reason) == table
