"""A stand-in behind a real HTTP server, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from aiohttp.test_utils import TestServer

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime import Faults, RealtimeServer, Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class StandIn:
    """A running stand-in and where to find it."""

    server: RealtimeServer
    keys: Keys
    faults: Faults
    url: str

    @property
    def websocket_url(self) -> str:
        """Return the address clients dial, without parameters."""
        return f"{self.url}/realtime/v1/websocket"


@asynccontextmanager
async def run_stand_in(*, dsn: str, keys: Keys, timing: Timing, faults: Faults | None = None) -> AsyncIterator[StandIn]:
    """Serve a stand-in on a free port of 127.0.0.1 under Supabase's paths."""
    realtime = RealtimeServer(dsn=dsn, keys=keys, faults=faults, timing=timing)
    application = web.Application()
    application.router.add_get("/realtime/v1/websocket", realtime.websocket)
    application.router.add_post("/realtime/v1/api/broadcast", realtime.broadcast)
    application.router.add_post("/realtime/v1/api/broadcast/{topic}/events/{event}", realtime.broadcast)
    await realtime.start()
    try:
        async with TestServer(application, host="127.0.0.1") as served:
            yield StandIn(server=realtime, keys=keys, faults=realtime.faults, url=str(served.make_url("")).rstrip("/"))
            await realtime.stop()
    finally:
        await realtime.stop()
