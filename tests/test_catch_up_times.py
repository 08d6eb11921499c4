"""When the running relay catches up: after gaps, in doubts, and on a slow timer."""

from __future__ import annotations

import asyncio

from structlog.testing import capture_logs

from bridge.errors import StoreDown
from bridge.feed.changes import MessageInserted, Unreadable
from bridge.feed.signals import Live, Lost
from bridge.relay import RECONCILE_SECONDS, RECONCILE_WHEN_IN_DOUBT_SECONDS
from tests.catching_up import QUESTION, Setting, running
from tests.people import B, message
from tests.virtual_time import idle, in_virtual_time


@in_virtual_time
async def test_the_running_relay_hands_on_what_the_feed_says() -> None:
    """Signal by signal, in order."""
    s = Setting()
    async with running(s):
        s.feed.put(Live())
        for number in (1, 2, 3):
            s.feed.put(MessageInserted(s.legacy_insert(message(number))))
        await s.feed.drained()
        assert s.a.contents == ["legacy 1", "legacy 2", "legacy 3"]


@in_virtual_time
async def test_who_waits_for_the_relay_waits_for_the_first_catch_up() -> None:
    """Before it a client might be told what was there already: a message dated ahead by a wrong clock."""
    s = Setting()
    gate = s.door.hold(QUESTION)
    async with running(s), asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(s.relay.wait_until_live())
        s.feed.put(Live())
        await gate.reached()
        await idle()
        assert not waiting.done()
        gate.open()


@in_virtual_time
async def test_a_slow_timer_finds_what_the_feed_lost_silently() -> None:
    """Without any sign of a gap (contract F30)."""
    s = Setting()
    async with running(s):
        s.feed.put(Live())
        await s.feed.drained()
        await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS + 1)
        s.legacy_insert(message(1))
        await asyncio.sleep(RECONCILE_SECONDS)
        assert s.a.contents == ["legacy 1"]


@in_virtual_time
async def test_a_confirmation_in_time_makes_the_catch_up_of_a_doubt_needless() -> None:
    """It has caught up itself; the slow timer begins then."""
    s = Setting()
    async with running(s):
        await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS / 2)
        s.feed.put(Live())
        await s.feed.drained()
        await asyncio.sleep(RECONCILE_SECONDS)
        assert s.store.asked(QUESTION) == 1
        await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS)
        assert s.store.asked(QUESTION) == 2


@in_virtual_time
async def test_in_doubt_the_tables_are_asked_soon() -> None:
    """Not after half a minute."""
    s = Setting()
    async with running(s):
        s.feed.put(Live())
        await s.feed.drained()
        await asyncio.sleep(RECONCILE_SECONDS + 1)
        s.legacy_insert(message(1))
        s.feed.put(Unreadable("messages"))
        await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS + 0.1)
        assert s.a.contents == ["legacy 1"]
        assert s.relay.is_live


@in_virtual_time
async def test_doubts_that_never_end_do_not_put_the_catch_up_off() -> None:
    """A stream of changes that we cannot read must not leave everybody without messages."""
    s = Setting()
    async with running(s):
        s.feed.put(Live())
        await s.feed.drained()
        s.legacy_insert(message(1))
        for _ in range(100):
            s.feed.put(Unreadable("messages"))
            await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS / 4)
        assert s.a.contents == ["legacy 1"]


@in_virtual_time
async def test_while_the_feed_is_lost_the_tables_are_asked_instead() -> None:
    """Every two seconds: slower than the feed, but nobody is left without messages."""
    s = Setting()
    async with running(s):
        s.feed.put(Lost("no connection"))
        await s.feed.drained()
        for number in (1, 2):
            s.legacy_insert(message(number))
            await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS + 0.1)
            assert s.a.contents[-1] == f"legacy {number}"
        assert not s.relay.is_live


@in_virtual_time
async def test_a_catch_up_that_fails_is_tried_again_soon() -> None:
    """By the timer too, and readiness says so meanwhile."""
    s = Setting()
    async with running(s):
        s.feed.put(Live())
        await s.feed.drained()
        s.door.failing[QUESTION] = StoreDown("ConnectError")
        with capture_logs() as logs:
            await asyncio.sleep(RECONCILE_SECONDS + RECONCILE_WHEN_IN_DOUBT_SECONDS + 0.1)
        assert not s.relay.is_live
        assert {(line["event"], line.get("cause")) for line in logs} == {("relay.catch_up_postponed", "StoreDown")}
        del s.door.failing[QUESTION]
        s.legacy_insert(message(1))
        await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS + 0.1)
        assert s.a.contents == ["legacy 1"]
        assert s.relay.is_live


@in_virtual_time
async def test_an_unforeseen_error_makes_nobody_deaf() -> None:
    """In a signal or in a catch-up: it goes to the log with its trace, and the relay goes on (supabase.md R4)."""
    s = Setting()
    async with running(s):
        s.feed.put(Live())
        await s.feed.drained()
        with capture_logs() as logs:
            s.door.failing["conversations.participants"] = RuntimeError("a bug")
            s.feed.put(MessageInserted(s.legacy_insert(message(1))))
            await idle()
            assert not s.relay.is_live
            await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS + 0.1)
        assert [line["event"] for line in logs] == ["relay.failed", "relay.catch_up_failed"]
        assert all(line["exc_info"] for line in logs)
        del s.door.failing["conversations.participants"]
        await asyncio.sleep(RECONCILE_WHEN_IN_DOUBT_SECONDS + 0.1)
        assert s.a.contents == ["legacy 1"]


@in_virtual_time
async def test_signals_wait_while_a_catch_up_is_under_way() -> None:
    """One at a time, so that nothing overtakes."""
    s = Setting()
    async with running(s):
        s.feed.put(Live())
        await s.feed.drained()
        gate = s.door.hold_answer(QUESTION)
        s.legacy_insert(message(1))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(s.relay.catch_up())
            await gate.reached()
            s.feed.put(MessageInserted(s.legacy_insert(message(2, B))))
            await idle()
            assert s.a.contents == []
            gate.open()
        await s.feed.drained()
        assert s.a.contents == ["legacy 1", "legacy 2"]
