"""Tables that need not be published: told of by themselves, and asked for again where they are refused."""

from __future__ import annotations

import pytest
from realtime import RealtimeSubscribeStates

from bridge.clock import FakeClock
from bridge.feed.signals import Live, TableLive, TableLost
from bridge.feed.supabase.arrivals import Ended
from bridge.feed.supabase.epoch import HEALTHY_AFTER_SECONDS, OPTIONAL_AGAIN_SECONDS, Epoch
from bridge.feed.supabase.pauses import EpochEnded
from tests.feed.epochs import SOON, epoch


async def test_an_optional_table_is_told_of_by_itself() -> None:
    """Confirmed, or not subscribed; neither is the end."""
    one = epoch()
    one._optional_confirmed("user_presence")
    one._optional_status_changed("message_status", RealtimeSubscribeStates.SUBSCRIBED, None)
    one._optional_status_changed("message_status", RealtimeSubscribeStates.CHANNEL_ERROR, None)
    assert [await one._arrivals.next(SOON), await one._arrivals.next(SOON)] == [
        TableLive("user_presence"),
        TableLost("message_status"),
    ]
    assert await one._arrivals.next(0) is None


async def test_an_optional_table_that_is_confirmed_first_is_told_of_after_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before Live nothing counts, and so nothing is lost by it."""
    one = epoch()

    async def join() -> None:
        one._optional_confirmed("user_presence")
        one._arrivals.put(Live())
        one._arrivals.put(Ended("over"))

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
        assert await one._arrivals.next(SOON) == TableLive("user_presence")
    clock.advance(age)
    one._optional_status_changed("user_presence", RealtimeSubscribeStates.CLOSED, None)
    if was_confirmed and age > HEALTHY_AFTER_SECONDS:
        with pytest.raises(EpochEnded, match="user_presence: CLOSED"):
            await one._arrivals.next(SOON)
    else:
        assert await one._arrivals.next(SOON) == TableLost("user_presence")


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
    assert await one._arrivals.next(SOON) == TableLost("user_presence", is_unpublished=True)
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
        one._arrivals.put(Live())
        one._arrivals.put(Ended("over"))

    monkeypatch.setattr(one, "_join", join)
    signals = one.signals()
    assert [await anext(signals), await anext(signals)] == [Live(), TableLost("user_presence", is_unpublished=True)]
    with pytest.raises(EpochEnded, match="over"):
        await anext(signals)
