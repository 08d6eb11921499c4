"""What the feed says of itself, and what operators are told of it."""

from __future__ import annotations

from datetime import timedelta

from structlog.testing import capture_logs

from bridge.feed.signals import Live, Lost, TableLive, TableLost
from bridge.relay.record import LOSSES_KEPT
from tests.parts import Parts


def told(logs: list[dict[str, object]]) -> list[object]:
    """Return the statements that were logged."""
    return [line["sql"] for line in logs if line["event"] == "feed.table_not_published"]


async def test_a_needed_table_that_is_not_published_makes_the_bridge_not_ready_by_name() -> None:
    """Until Realtime confirms the channel; said once, with the statement to run (contract F33, F44)."""
    parts = Parts()
    named = "messages is not in the publication supabase_realtime"
    with capture_logs() as logs:
        for _ in range(2):
            await parts.relay.handle(Lost("CHANNEL_ERROR: Unable to subscribe", unpublished="messages"))
    assert named in parts.context.health.reasons
    assert told([*map(dict, logs)]) == ["alter publication supabase_realtime add table public.messages;"]
    await parts.relay.handle(Lost("the connection was closed"))
    assert named in parts.context.health.reasons
    await parts.relay.handle(Live())
    assert parts.context.health.reasons == []
    assert parts.relay.record.unpublished == set()


async def test_an_optional_table_that_is_not_published_is_told_and_keeps_nobody_out() -> None:
    """Until its own channel is confirmed."""
    parts = Parts()
    await parts.relay.handle(Live())
    with capture_logs() as logs:
        await parts.relay.handle(TableLost("user_presence", is_unpublished=True))
        await parts.relay.handle(TableLost("message_status"))
    assert told([*map(dict, logs)]) == ["alter publication supabase_realtime add table public.user_presence;"]
    assert parts.context.health.reasons == []
    assert parts.relay.record.unpublished == {"user_presence"}
    await parts.relay.handle(Live())
    assert parts.relay.record.unpublished == {"user_presence"}
    await parts.relay.handle(TableLive("user_presence"))
    assert parts.relay.record.unpublished == set()


async def test_the_last_losses_are_kept() -> None:
    """With time and reason."""
    parts = Parts()
    began = parts.clock.now()
    for number in range(LOSSES_KEPT + 1):
        await parts.relay.handle(Lost(f"reason {number}"))
        parts.clock.advance(1)
    losses = parts.relay.record.losses
    assert len(losses) == LOSSES_KEPT
    assert losses[0] == (began + timedelta(seconds=1), "reason 1")
