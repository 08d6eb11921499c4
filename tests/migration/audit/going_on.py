"""A table, bridges, and an audit of both that goes on by a clock that a test moves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx
import msgspec

from bridge.auditing import Audit
from bridge.clock import FakeClock
from bridge.events import MessageSent
from bridge.history import History
from migration.audit.running import Auditor, Wishes
from migration.audit.window import Sight
from migration.bridges import BridgeSide
from migration.findings import Report, Series
from migration.project import Rest
from migration.voice import Voice
from tests.people import ROOM, B, message

ADDRESS, OTHER = "http://bridge-1", "http://bridge-2"
EVERY, SETTLE = 60.0, 30.0


class Jumping(FakeClock):
    """A clock whose wall time can be set."""

    def __init__(self) -> None:
        super().__init__()
        self.offset = timedelta()

    def now(self) -> datetime:
        """Return the time set."""
        return super().now() + self.offset


class Process:
    """A bridge's process, as far as the audit sees it."""

    def __init__(self, clock: FakeClock) -> None:
        self.history = History(clock)
        self.audit = Audit(self.history, clock)
        self.trouble: Exception | None = None
        self.windows: list[tuple[datetime, datetime]] = []

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer an operator."""
        if self.trouble is not None:
            raise self.trouble
        asked = request.url.params
        since, until = datetime.fromisoformat(asked["since"]), datetime.fromisoformat(asked["until"])
        if "conversation" in asked:
            return httpx.Response(200, content=msgspec.json.encode(self.audit.ids(asked["conversation"], since, until)))
        self.windows.append((since, until))
        return httpx.Response(200, content=msgspec.json.encode(self.audit.told(since, until)))


class World:
    """A table, bridges, and an audit of both that goes on."""

    def __init__(self, *addresses: str) -> None:
        self.clock = Jumping()
        self.voice = Voice(self.clock, as_json=True)
        self.bridges = {one: Process(self.clock) for one in addresses or (ADDRESS,)}
        self.table: list[tuple[str, datetime]] = []
        self.kept: list[Report] = []
        self.waits: list[float] = []
        self.between: list[Callable[[], None]] = []
        """What happens between runs, one after the other; then somebody ends it."""
        self.slow_seconds = 0.0
        """How long a look at the table takes."""
        self._number = 0

    @property
    def bridge(self) -> Process:
        """Return the first of the bridges."""
        return self.bridges[ADDRESS]

    def say(self, *, told: bool = True) -> str:
        """Write a message; tell it at every bridge, or at none."""
        self._number += 1
        one = message(self._number, at=self.clock.now())
        self.table.append((one.id, one.created_at))
        for bridge in self.bridges.values() if told else ():
            bridge.history.record(MessageSent(message=one), {B.user_id})
        return one.id

    def speak(self) -> None:
        """Write and tell a message."""
        self.say()

    def run(self, runs: int | None = None, every: float | None = EVERY) -> Report:
        """Audit until everything between the runs has happened."""
        wishes = Wishes(
            bridges=tuple(self.bridges),
            token="",
            minutes=1.0,
            settle_seconds=SETTLE,
            every_seconds=every,
            runs=runs,
        )
        rest = Rest(httpx.Client(transport=httpx.MockTransport(self._project), base_url="http://project"))
        look = Sight(rest, self._reach).look
        return Auditor("project", wishes, look, self.clock, self.voice).run(self.kept.append, self._wait)

    def _wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.clock.advance(seconds)
        if not self.between:
            return True
        self.between.pop(0)()
        return False

    @contextmanager
    def _reach(self, address: str) -> Iterator[BridgeSide]:
        transport = httpx.MockTransport(self.bridges[address].answer)
        with httpx.Client(transport=transport, base_url=address) as http:
            yield BridgeSide(http, address)

    def _project(self, request: httpx.Request) -> httpx.Response:
        """Answer as PostgREST: who is in the room, and the messages of a window."""
        if request.url.path.endswith("/conversation_participants"):
            seat = {"id": "seat", "conversation_id": ROOM, "user_id": B.user_id}
            return httpx.Response(200, json=[seat])
        self.clock.advance(self.slow_seconds)
        bounds = re.findall(r"created_at\.(?:gte|lt)\.([^,)]+)", request.url.params["and"])
        since, until = map(datetime.fromisoformat, bounds)
        rows = [
            {
                "id": one,
                "conversation_id": ROOM,
                "sender_id": B.user_id,
                "created_at": at.isoformat(),
                "deleted_at": None,
            }
            for one, at in self.table
            if since <= at < until
        ]
        return httpx.Response(200, json=rows)


def nothing() -> None:
    """Let nothing happen."""


def series(report: Report) -> Series:
    """Return what a report says of all runs."""
    assert report.series is not None
    return report.series
