"""What arrives is handed on in order, until the end or until something was lost."""

from __future__ import annotations

import pytest

from bridge.feed.signals import Live, TableLive
from bridge.feed.supabase.arrivals import QUEUE_SIZE
from bridge.feed.supabase.pauses import EpochEnded, EpochReplaced
from tests.feed.epochs import SOON, epoch, event


async def test_arrivals_are_handed_on_in_order() -> None:
    """Changes and confirmations in one queue."""
    one = epoch()
    change = event(table="messages", type="INSERT")
    one._arrived(change)
    one._arrivals.put(Live())
    assert [await one._arrivals.next(SOON), await one._arrivals.next(SOON)] == [change, Live()]


async def test_silence_is_told_after_a_while() -> None:
    """Then it is time for a heartbeat."""
    assert await epoch()._arrivals.next(0) is None


async def test_a_queue_that_overflows_ends_the_epoch() -> None:
    """Changes were lost, so the next epoch has to catch up; nothing raises in the library's task (supabase.md R4)."""
    one = epoch()
    for _ in range(QUEUE_SIZE + 1):
        one._arrivals.put(Live())
    with pytest.raises(EpochEnded, match="too many changes waiting"):
        await one._arrivals.next(SOON)


async def test_an_epoch_that_is_replaced_hands_on_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing that comes after it."""
    one = epoch()

    async def join() -> None:
        one._arrivals.put(Live())

    monkeypatch.setattr(one, "_join", join)
    await one.open()
    one._arrivals.put(TableLive("user_presence"))
    one.replace()
    one._arrivals.put(TableLive("conversations"))
    signals = one.signals()
    assert [await anext(signals), await anext(signals)] == [Live(), TableLive("user_presence")]
    with pytest.raises(EpochReplaced):
        await anext(signals)
