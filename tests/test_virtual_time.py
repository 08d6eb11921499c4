"""The loop of the tests of timers keeps its promise."""

from __future__ import annotations

import asyncio

import pytest

from tests.virtual_time import Stuck, VirtualTimeLoop, idle, in_virtual_time


@in_virtual_time
async def test_an_hour_passes_at_once() -> None:
    """And timers ring in their order."""
    loop = asyncio.get_running_loop()
    rung: list[str] = []
    began = loop.time()
    loop.call_later(3600, rung.append, "later")
    loop.call_later(60, rung.append, "sooner")
    await asyncio.sleep(3601)
    assert rung == ["sooner", "later"]
    assert loop.time() - began == pytest.approx(3601)


@in_virtual_time
async def test_idle_waits_for_everybody() -> None:
    """However many steps they still have to take."""
    steps: list[int] = []

    async def walk() -> None:
        for step in range(100):
            await asyncio.sleep(0)
            steps.append(step)

    walking = asyncio.create_task(walk())
    await idle()
    assert len(steps) == 100
    await walking


def test_waiting_for_nothing_is_an_error() -> None:
    """Instead of a test that hangs."""

    async def wait_for_ever() -> None:
        await asyncio.Event().wait()

    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner, pytest.raises(Stuck):
        runner.run(wait_for_ever())
