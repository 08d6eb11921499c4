"""An epoch needs no server to know when it is over."""

from __future__ import annotations

import pytest
from realtime import RealtimeSubscribeStates
from structlog.testing import capture_logs

from bridge.clock import FakeClock
from bridge.feed.canary import HEARD_WITHIN_SECONDS, Canary
from bridge.feed.changes import RowChange
from bridge.feed.signals import Live, TableLive
from bridge.feed.supabase.epoch import Epoch
from bridge.feed.supabase.pauses import EpochEnded
from bridge.measures import Measures
from tests.feed.epochs import SOON, epoch, event


@pytest.mark.parametrize(
    "status",
    [RealtimeSubscribeStates.CHANNEL_ERROR, RealtimeSubscribeStates.TIMED_OUT, RealtimeSubscribeStates.CLOSED],
)
async def test_a_channel_that_is_not_subscribed_ends_the_epoch(status: RealtimeSubscribeStates) -> None:
    """Whatever arrived before is handed on first."""
    one = epoch()
    one._arrivals.put(Live())
    one._status_changed(status, None)
    assert await one._arrivals.next(SOON) == Live()
    with pytest.raises(EpochEnded, match=f"{status.value}: no reason given"):
        await one._arrivals.next(SOON)


async def test_a_channel_that_is_subscribed_is_no_news() -> None:
    """Changes flow only after the server's own confirmation (supabase.md 2.3)."""
    one = epoch()
    one._status_changed(RealtimeSubscribeStates.SUBSCRIBED, None)
    assert await one._arrivals.next(0) is None


async def test_the_confirmation_is_waited_for() -> None:
    """A change before it is left to the catch-up that follows."""
    one = epoch()
    one._arrived(event(table="messages", type="INSERT"))
    one._arrivals.put(Live())
    await one._confirmation()
    assert await one._arrivals.next(0) is None


@pytest.mark.parametrize("printed", [None, "nonsense", "2026-01-01T00:00:00Z"])
async def test_the_lag_of_changes_is_measured_where_their_time_can_be_read(printed: str | None) -> None:
    """A time for measuring only ends no epoch."""
    clock = FakeClock()
    clock.advance(0.2)
    measures = Measures()
    one = Epoch("http://localhost:1", "key", clock, measures, Canary("row", clock))
    row = RowChange(table="messages", type="INSERT", commit_timestamp=printed)
    assert one._measured(row) is row
    assert measures.changes.values == {("messages", "INSERT"): 1}
    assert [series.seconds for series in measures.lag.values.values()] == (
        [pytest.approx(0.2)] if printed and printed[0] == "2" else []
    )


async def test_an_epoch_knows_its_age() -> None:
    """By the clock passed in."""
    clock = FakeClock()
    one = epoch(clock)
    clock.advance(7)
    assert one.age == 7


async def test_a_client_that_does_not_listen_ends_the_epoch() -> None:
    """Its reading task is the only sign of life there is."""
    with pytest.raises(EpochEnded, match="does not listen"):
        epoch()._watch_listener()


async def test_closing_an_epoch_without_connection_is_no_harm() -> None:
    """It is done after every epoch, however it ended."""
    await epoch().close()


async def test_a_canary_that_is_not_heard_ends_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the connection is fine and the server says so: that is what it is for."""
    clock = FakeClock()
    one = epoch(clock)

    async def join() -> None:
        one._arrivals.put(Live())

    monkeypatch.setattr(one, "_join", join)
    signals = one.signals()
    assert await anext(signals) == Live()
    one._canary.listen(listening=True)
    one._canary.written(one._canary.begin())
    one._canary_heard(event(record={"beat": 1}))
    clock.advance(HEARD_WITHIN_SECONDS + 1)
    one._arrivals.put(TableLive("user_presence"))
    assert await anext(signals) == TableLive("user_presence")
    one._canary.written(one._canary.begin())
    one._canary_heard(event(record={"beat": 1}))
    one._canary_heard(event(errors=["Error 401: Unauthorized"]))
    clock.advance(HEARD_WITHIN_SECONDS + 1)
    one._arrivals.put(Live())
    with pytest.raises(EpochEnded, match="canary"):
        await anext(signals)


async def test_a_canary_that_nobody_publishes_is_done_without() -> None:
    """It is said, and nothing is expected."""
    one = epoch()
    one._canary.listen(listening=True)
    with capture_logs() as lines:
        one._canary_status_changed(RealtimeSubscribeStates.SUBSCRIBED, None)
        one._canary_status_changed(RealtimeSubscribeStates.CHANNEL_ERROR, None)
    assert [line["event"] for line in lines] == ["feed.canary_not_heard"]
    assert not one._canary.is_listening
