"""The parts of the Realtime adapter that need no server: what it queues, and when it gives an epoch up."""

from __future__ import annotations

from typing import Any, cast

import pytest
from realtime import RealtimeSubscribeStates
from realtime.types import PostgresChangesPayload
from structlog.testing import capture_logs

from bridge.clock import FakeClock
from bridge.feed.canary import HEARD_WITHIN_SECONDS, Canary
from bridge.feed.changes import RowChange
from bridge.feed.signals import Live, TableLive, TableLost
from bridge.feed.supabase.epoch import (
    DEAD_AFTER_SECONDS,
    HEALTHY_AFTER_SECONDS,
    OPTIONAL_AGAIN_SECONDS,
    QUEUE_SIZE,
    Epoch,
    _Ended,
    _HeartbeatSink,
)
from bridge.feed.supabase.pauses import EpochEnded, EpochReplaced
from bridge.feed.supabase.reading import reason_of, row_change
from bridge.measures import Measures

SOON = 5.0


def epoch(clock: FakeClock | None = None) -> Epoch:
    """Return an epoch that has no connection."""
    clock = clock or FakeClock()
    return Epoch("http://localhost:1", "key", clock, Measures(), Canary("row", clock))


def event(**data: object) -> PostgresChangesPayload:
    """Return a change as the client hands it over."""
    return cast("PostgresChangesPayload", {"ids": [1], "data": data})


async def test_arrivals_are_handed_on_in_order() -> None:
    """Changes and confirmations in one queue."""
    one = epoch()
    change = event(table="messages", type="INSERT")
    one._arrived(change)
    one._put(Live())
    assert [await one._next(SOON), await one._next(SOON)] == [change, Live()]


async def test_silence_is_told_after_a_while() -> None:
    """Then it is time for a heartbeat."""
    assert await epoch()._next(0) is None


async def test_a_queue_that_overflows_ends_the_epoch() -> None:
    """Changes were lost, so the next epoch has to catch up; nothing raises in the library's task (supabase.md R4)."""
    one = epoch()
    for _ in range(QUEUE_SIZE + 1):
        one._put(Live())
    with pytest.raises(EpochEnded, match="too many changes waiting"):
        await one._next(SOON)


@pytest.mark.parametrize(
    "status",
    [RealtimeSubscribeStates.CHANNEL_ERROR, RealtimeSubscribeStates.TIMED_OUT, RealtimeSubscribeStates.CLOSED],
)
async def test_a_channel_that_is_not_subscribed_ends_the_epoch(status: RealtimeSubscribeStates) -> None:
    """Whatever arrived before is handed on first."""
    one = epoch()
    one._put(Live())
    one._status_changed(status, None)
    assert await one._next(SOON) == Live()
    with pytest.raises(EpochEnded, match=f"{status.value}: no reason given"):
        await one._next(SOON)


async def test_a_channel_that_is_subscribed_is_no_news() -> None:
    """Changes flow only after the server's own confirmation (supabase.md 2.3)."""
    one = epoch()
    one._status_changed(RealtimeSubscribeStates.SUBSCRIBED, None)
    assert await one._next(0) is None


async def test_the_confirmation_is_waited_for() -> None:
    """A change before it is left to the catch-up that follows."""
    one = epoch()
    one._arrived(event(table="messages", type="INSERT"))
    one._put(Live())
    await one._confirmation()
    assert await one._next(0) is None


async def test_an_optional_table_is_told_of_by_itself() -> None:
    """Confirmed, or not subscribed; neither is the end."""
    one = epoch()
    one._optional_confirmed("user_presence")
    one._optional_status_changed("message_status", RealtimeSubscribeStates.SUBSCRIBED, None)
    one._optional_status_changed("message_status", RealtimeSubscribeStates.CHANNEL_ERROR, None)
    assert [await one._next(SOON), await one._next(SOON)] == [TableLive("user_presence"), TableLost("message_status")]
    assert await one._next(0) is None


async def test_an_optional_table_that_is_confirmed_first_is_told_of_after_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before Live nothing counts, and so nothing is lost by it."""
    one = epoch()

    async def join() -> None:
        one._optional_confirmed("user_presence")
        one._put(Live())
        one._put(_Ended("over"))

    monkeypatch.setattr(one, "_join", join)
    signals = one.signals()
    assert [await anext(signals), await anext(signals)] == [Live(), TableLive("user_presence")]
    with pytest.raises(EpochEnded, match="over"):
        await anext(signals)


@pytest.mark.parametrize("was_confirmed", [True, False])
@pytest.mark.parametrize("age", [HEALTHY_AFTER_SECONDS, HEALTHY_AFTER_SECONDS + 1])
async def test_an_optional_table_that_is_lost_ends_an_old_epoch_in_which_it_worked(
    was_confirmed: bool,  # noqa: FBT001  # a parameter of the test
    age: float,
) -> None:
    """A young one would be followed by the next and the next; one that nobody publishes ends none."""
    clock = FakeClock()
    one = epoch(clock)
    if was_confirmed:
        one._optional_confirmed("user_presence")
        assert await one._next(SOON) == TableLive("user_presence")
    clock.advance(age)
    one._optional_status_changed("user_presence", RealtimeSubscribeStates.CLOSED, None)
    if was_confirmed and age > HEALTHY_AFTER_SECONDS:
        with pytest.raises(EpochEnded, match="user_presence: CLOSED"):
            await one._next(SOON)
    else:
        assert await one._next(SOON) == TableLost("user_presence")


UNPUBLISHED = Exception(
    '{"message": "Unable to subscribe to changes with given parameters. Please check Realtime is enabled for the given'
    ' connect parameters: [event: *, schema: public, table: user_presence, filter: ]"}'
)


class Joins:
    """Keeps which tables an epoch joined."""

    def __init__(self, one: Epoch, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tables: list[str] = []
        self.failure: Exception | None = None
        monkeypatch.setattr(one, "_join_optional", self._join)

    async def _join(self, table: str) -> None:
        self.tables.append(table)
        if self.failure is not None:
            raise self.failure


async def test_an_optional_table_that_is_refused_is_joined_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may have published it; until it is confirmed, and not too often."""
    clock = FakeClock()
    one = epoch(clock)
    joins = Joins(one, monkeypatch)
    one._optional_status_changed("user_presence", RealtimeSubscribeStates.CHANNEL_ERROR, UNPUBLISHED)
    assert await one._next(SOON) == TableLost("user_presence", is_unpublished=True)
    await one._join_refused()
    assert joins.tables == []
    for _ in range(2):
        clock.advance(OPTIONAL_AGAIN_SECONDS)
        for _ in range(2):
            await one._join_refused()
    assert joins.tables == ["user_presence"] * 2
    one._optional_confirmed("user_presence")
    clock.advance(OPTIONAL_AGAIN_SECONDS)
    await one._join_refused()
    assert joins.tables == ["user_presence"] * 2


@pytest.mark.parametrize("is_slow", [True, False])
async def test_an_optional_table_that_cannot_be_joined_again(
    monkeypatch: pytest.MonkeyPatch,
    is_slow: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    """A server that is slow is asked later; whatever else goes wrong is the end of the epoch."""
    clock = FakeClock()
    one = epoch(clock)
    joins = Joins(one, monkeypatch)
    one._optional_status_changed("user_presence", RealtimeSubscribeStates.CLOSED, None)
    clock.advance(OPTIONAL_AGAIN_SECONDS)
    joins.failure = TimeoutError() if is_slow else OSError("broken pipe")
    if is_slow:
        await one._join_refused()
    else:
        with pytest.raises(EpochEnded, match="optional tables not joined: OSError"):
            await one._join_refused()


async def test_what_was_refused_before_the_confirmation_is_told_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that operators learn what to publish."""
    one = epoch()

    async def join() -> None:
        one._optional_status_changed("user_presence", RealtimeSubscribeStates.CHANNEL_ERROR, UNPUBLISHED)
        one._put(Live())
        one._put(_Ended("over"))

    monkeypatch.setattr(one, "_join", join)
    signals = one.signals()
    assert [await anext(signals), await anext(signals)] == [Live(), TableLost("user_presence", is_unpublished=True)]
    with pytest.raises(EpochEnded, match="over"):
        await anext(signals)


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


async def test_a_heartbeat_that_cannot_be_sent_ends_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the library raises."""
    one = epoch()

    async def send(_: object) -> None:
        raise OSError("broken pipe")

    monkeypatch.setattr(one._client, "send", send)
    with pytest.raises(EpochEnded, match="heartbeat not sent: OSError"):
        await one._beat()


async def test_heartbeats_that_are_not_answered_end_the_epoch() -> None:
    """Half-open connections are noticed here and nowhere else (supabase.md R6)."""
    clock = FakeClock()
    one = epoch(clock)
    await one._beat()
    clock.advance(DEAD_AFTER_SECONDS)
    await one._beat()
    one._sink._handle_message(None)
    clock.advance(1)
    await one._beat()
    clock.advance(DEAD_AFTER_SECONDS)
    await one._beat()
    clock.advance(0.001)
    with pytest.raises(EpochEnded, match="not answered"):
        await one._beat()


def test_the_sink_stands_where_the_client_looks_for_a_channel() -> None:
    """The client drops replies for topics it has no channel for."""
    sink = _HeartbeatSink()
    assert (sink.topic, sink.is_joined, sink.unanswered_since) == ("phoenix", False, None)
    sink.unanswered_since = 5.0
    sink._handle_message(object())
    sink._release_subscribe_waiter()
    assert sink.unanswered_since is None


async def test_a_client_that_does_not_listen_ends_the_epoch() -> None:
    """Its reading task is the only sign of life there is."""
    with pytest.raises(EpochEnded, match="does not listen"):
        epoch()._watch_listener()


async def test_closing_an_epoch_without_connection_is_no_harm() -> None:
    """It is done after every epoch, however it ended."""
    await epoch().close()


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


async def test_a_canary_that_is_not_heard_ends_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the connection is fine and the server says so: that is what it is for."""
    clock = FakeClock()
    one = epoch(clock)

    async def join() -> None:
        one._put(Live())

    monkeypatch.setattr(one, "_join", join)
    signals = one.signals()
    assert await anext(signals) == Live()
    one._canary.listen(listening=True)
    one._canary.written(one._canary.begin())
    one._canary_heard(event(record={"beat": 1}))
    clock.advance(HEARD_WITHIN_SECONDS + 1)
    one._put(TableLive("user_presence"))
    assert await anext(signals) == TableLive("user_presence")
    one._canary.written(one._canary.begin())
    one._canary_heard(event(record={"beat": 1}))
    one._canary_heard(event(errors=["Error 401: Unauthorized"]))
    clock.advance(HEARD_WITHIN_SECONDS + 1)
    one._put(Live())
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


async def test_an_epoch_that_is_replaced_hands_on_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing that comes after it."""
    one = epoch()

    async def join() -> None:
        one._put(Live())

    monkeypatch.setattr(one, "_join", join)
    await one.open()
    one._put(TableLive("user_presence"))
    one.replace()
    one._put(TableLive("conversations"))
    signals = one.signals()
    assert [await anext(signals), await anext(signals)] == [Live(), TableLive("user_presence")]
    with pytest.raises(EpochReplaced):
        await anext(signals)
