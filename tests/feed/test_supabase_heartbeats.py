"""Half-open connections are noticed by heartbeats that are not answered."""

from __future__ import annotations

import pytest

from bridge.clock import FakeClock
from bridge.feed.supabase.heartbeats import DEAD_AFTER_SECONDS, HeartbeatSink
from bridge.feed.supabase.pauses import EpochEnded
from tests.feed.epochs import epoch


async def test_a_heartbeat_that_cannot_be_sent_ends_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the library raises."""
    one = epoch()

    async def send(_: object) -> None:
        raise OSError("broken pipe")

    monkeypatch.setattr(one._client, "send", send)
    with pytest.raises(EpochEnded, match="heartbeat not sent: OSError"):
        await one._heartbeats.beat()


async def test_heartbeats_that_are_not_answered_end_the_epoch() -> None:
    """Half-open connections are noticed here and nowhere else (supabase.md R6)."""
    clock = FakeClock()
    one = epoch(clock)
    await one._heartbeats.beat()
    clock.advance(DEAD_AFTER_SECONDS)
    await one._heartbeats.beat()
    one._heartbeats._sink._handle_message(None)
    clock.advance(1)
    await one._heartbeats.beat()
    clock.advance(DEAD_AFTER_SECONDS)
    await one._heartbeats.beat()
    clock.advance(0.001)
    with pytest.raises(EpochEnded, match="not answered"):
        await one._heartbeats.beat()


def test_the_sink_stands_where_the_client_looks_for_a_channel() -> None:
    """The client drops replies for topics it has no channel for."""
    sink = HeartbeatSink()
    assert (sink.topic, sink.is_joined, sink.unanswered_since) == ("phoenix", False, None)
    sink.unanswered_since = 5.0
    sink._handle_message(object())
    sink._release_subscribe_waiter()
    assert sink.unanswered_since is None
