"""The faults: each a short programme that begins and ends at fixed shares of the messages, not at times."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

from scripts.chaos.ground import Ground
from scripts.chaos.history import Healed, Struck
from scripts.chaos.proxy import CALM, Weather
from scripts.chaos.recorder import Recorder

Programme = Callable[["Pace"], Awaitable[None]]


class Pace:
    """Tells a fault how far the trial has come, and notes when it strikes."""

    def __init__(self, ground: Ground, recorder: Recorder, messages: int, strikes: int) -> None:
        self.ground = ground
        self.strikes = strikes
        self._recorder = recorder
        self._messages = messages

    async def until(self, share: float) -> None:
        """Wait until this share of the messages is settled."""
        await self._recorder.until(lambda: len(self._recorder.settled) >= share * self._messages)

    def struck(self) -> None:
        """Note the beginning."""
        self._recorder.note(Struck(at=self._recorder.now()))

    def healed(self) -> None:
        """Note that the cause is gone."""
        self._recorder.note(Healed(at=self._recorder.now()))

    def moments(self) -> list[float]:
        """Return the shares at which to strike, evenly spread."""
        return [number / (self.strikes + 1) for number in range(1, self.strikes + 1)]


class Fault(Struct, frozen=True, kw_only=True):
    """One kind of trouble.

    Attributes:
        meaning: one line for the table of docs/reliability.md.
        run: what happens.
        needs_process: whether the bridge has to be a process of its own.
        settings: of the bridge, by variable.
        skew_seconds: how far the clocks of legacy writers are off, one after the other.
        late_writers: how many hold transactions open.
        has_change_log: whether the database has the optional change log.
        most_per_second: messages of all writers together; None: as many as there is room for.

    """

    meaning: str
    run: Programme
    needs_process: bool = False
    settings: Mapping[str, str] = MappingProxyType({})
    skew_seconds: tuple[float, ...] = (0.0,)
    late_writers: int = 0
    has_change_log: bool = False
    most_per_second: float | None = None


async def _nothing(pace: Pace) -> None:
    await pace.until(0.0)


async def _reset_clients(pace: Pace) -> None:
    await _strike(pace, lambda: pace.ground.front.reset())


async def _swallow_clients(pace: Pace) -> None:
    """Let every client's connection become a black hole; the bridge finds out when the old ones are broken at last."""
    for share in pace.moments():
        await pace.until(share)
        pace.struck()
        pace.ground.front.swallow()
        pace.healed()  # a new connection is a good one: it is for the client to notice
    await pace.until(1.0)


async def _strand_clients(pace: Pace) -> None:
    await _strike(pace, lambda: pace.ground.front.strand())


async def _reset_supabase(pace: Pace) -> None:
    await _strike(pace, lambda: pace.ground.back.reset())


async def _reset_both(pace: Pace) -> None:
    """Break what clients wait for and their connections in one moment: they repeat what is still under way."""

    def reset() -> None:
        pace.ground.back.reset()
        pace.ground.front.reset()

    await _strike(pace, reset)


async def _swallow_supabase(pace: Pace) -> None:
    await _strike(pace, lambda: pace.ground.back.swallow())


async def _strike(pace: Pace, deed: Callable[[], None]) -> None:
    """Do something that is over at once, several times."""
    for share in pace.moments():
        await pace.until(share)
        pace.struck()
        deed()
        pace.healed()


async def _slow_clients(pace: Pace) -> None:
    await _under(pace, lambda weather: setattr(pace.ground.front, "weather", weather), Weather(delay_seconds=0.1))


async def _narrow_clients(pace: Pace) -> None:
    weather = Weather(bytes_per_second=20_000)
    await _under(pace, lambda weather: setattr(pace.ground.front, "weather", weather), weather)


async def _slow_supabase(pace: Pace) -> None:
    await _under(pace, lambda weather: setattr(pace.ground.back, "weather", weather), Weather(delay_seconds=0.1))


async def _narrow_supabase(pace: Pace) -> None:
    weather = Weather(bytes_per_second=30_000)
    await _under(pace, lambda weather: setattr(pace.ground.back, "weather", weather), weather)


async def _under(pace: Pace, turn: Callable[[Weather], None], weather: Weather) -> None:
    """Let the weather be bad for a while."""
    await pace.until(0.2)
    pace.struck()
    turn(weather)
    await pace.until(0.5)
    turn(CALM)
    pace.healed()


async def _kill_bridge(pace: Pace) -> None:
    for share in pace.moments():
        await pace.until(share)
        pace.struck()
        await pace.ground.bridge.kill()
        pace.healed()  # whoever runs a bridge starts it again at once
        await pace.ground.bridge.start()


async def _kill_postgres(pace: Pace) -> None:
    for share in pace.moments():
        await pace.until(share)
        pace.struck()
        await pace.ground.tables.crash_postgres()
        pace.healed()


async def _kill_realtime(pace: Pace) -> None:
    """Let Realtime die: connections break, new ones are refused, changes meanwhile are lost; then it is back."""
    tables = pace.ground.tables
    for share in pace.moments():
        await pace.until(share)
        pace.struck()
        await tables.switch(poller_down=True, refuse_connect=503, deeds=[{"deed": "drop"}])
        await pace.until(share + 0.5 / (pace.strikes + 1))
        await tables.switch_back()
        pace.healed()


async def _withhold(pace: Pace) -> None:
    """Let changes vanish while everything looks alive."""
    await pace.until(0.2)
    pace.struck()
    await pace.ground.tables.switch(withhold=["messages"])
    await pace.until(0.8)
    await pace.ground.tables.switch_back()
    pace.healed()


async def _refuse_requests(pace: Pace) -> None:
    """Let requests to the Data API fail, some before they are carried out and some after."""
    for share in pace.moments():
        await pace.until(share)
        pace.struck()
        await pace.ground.tables.switch(data_api={"lose_next": 10, "fail_next": 10, "path": "/rest/"})
        pace.healed()


async def _repeat_changes(pace: Pace) -> None:
    """Let Realtime send every change twice, and late."""
    await pace.until(0.2)
    pace.struck()
    await pace.ground.tables.switch(duplicate=True, delay_ms=200)
    await pace.until(0.6)
    await pace.ground.tables.switch_back()
    pace.healed()


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "none": Fault(meaning="nothing at all, for comparison", run=_nothing),
        "client-reset": Fault(meaning="every client's connection is reset", run=_reset_clients),
        "client-half-open": Fault(meaning="every client's connection becomes a black hole", run=_swallow_clients),
        "client-delay": Fault(meaning="100 ms more each way between clients and bridge", run=_slow_clients),
        "client-bandwidth": Fault(
            meaning="20 kB/s for each client",
            run=_narrow_clients,
            # Up to four times what fits through; at full rate the oldest clients would miss more than they can be told.
            most_per_second=80.0,
        ),
        "client-duplicate": Fault(
            meaning="clients come back while the bridge still holds their old connections", run=_strand_clients
        ),
        "supabase-reset": Fault(meaning="every connection of the bridge to Supabase is reset", run=_reset_supabase),
        "both-reset": Fault(
            meaning="every client's connection, and every one of the bridge to Supabase, is reset at once",
            run=_reset_both,
        ),
        "supabase-half-open": Fault(
            meaning="every connection of the bridge to Supabase becomes a black hole",
            run=_swallow_supabase,
            settings=MappingProxyType({"BRIDGE_STORE_TIMEOUT_SECONDS": "2"}),
        ),
        "supabase-delay": Fault(meaning="100 ms more each way between bridge and Supabase", run=_slow_supabase),
        "supabase-bandwidth": Fault(meaning="30 kB/s for each of the bridge's connections", run=_narrow_supabase),
        "supabase-refusals": Fault(
            meaning="PostgREST answers 503, and answers to writes that were carried out are lost", run=_refuse_requests
        ),
        "bridge-kill": Fault(meaning="kill -9 of the bridge", run=_kill_bridge, needs_process=True),
        "bridge-kill-logged": Fault(
            meaning="kill -9 of the bridge, where there is a change log",
            run=_kill_bridge,
            needs_process=True,
            has_change_log=True,
        ),
        "postgres-kill": Fault(meaning="kill -9 of PostgreSQL", run=_kill_postgres),
        "realtime-kill": Fault(meaning="Realtime dies and comes back; changes meanwhile are lost", run=_kill_realtime),
        "withheld": Fault(meaning="Realtime silently withholds changes of messages", run=_withhold),
        "repeated": Fault(meaning="Realtime sends every change twice and 200 ms late", run=_repeat_changes),
        "skewed-clocks": Fault(
            meaning="legacy writers' clocks are up to an hour off", run=_nothing, skew_seconds=(-3600.0, 0.0, 3600.0)
        ),
        "skewed-clocks-logged": Fault(
            meaning="clocks up to an hour off, while Realtime dies and comes back, where there is a change log",
            run=_kill_realtime,
            skew_seconds=(-3600.0, 0.0, 3600.0),
            has_change_log=True,
        ),
        "late-commits": Fault(
            meaning="transactions commit late, while Realtime dies and comes back",
            run=_kill_realtime,
            late_writers=2,
        ),
    }
)


async def run(fault: Fault, pace: Pace) -> None:
    """Let the fault happen, and see to it that nothing of it stays."""
    try:
        await fault.run(pace)
    finally:
        pace.ground.front.weather = pace.ground.back.weather = CALM
        await asyncio.shield(pace.ground.tables.switch_back())
