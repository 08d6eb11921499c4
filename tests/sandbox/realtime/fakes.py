"""Time that only moves when told to, and a connection whose frames are a list: for tests without sockets."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from aiohttp import web

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime.channels import Channel
from scripts.sandbox.realtime.connection import Connection
from scripts.sandbox.realtime.faults import Faults
from scripts.sandbox.realtime.phoenix import Frame, Version
from scripts.sandbox.realtime.presence import Board
from scripts.sandbox.realtime.realm import Realm, Timer
from scripts.sandbox.realtime.subscriptions import Registry
from scripts.sandbox.realtime.timing import Timing
from scripts.sandbox.realtime.tokens import Bearer, bearer_of_key
from scripts.sandbox.realtime.topics import Topics

Json = dict[str, object]


@dataclass(slots=True, eq=False)
class _Call:
    due: float
    callback: Callable[[], object]
    cancelled: bool = False

    def cancel(self) -> None:
        self.cancelled = True


@dataclass(slots=True)
class FakeTime:
    """A clock and its timers."""

    now: float
    calls: list[_Call] = field(default_factory=list)

    def __call__(self) -> float:
        """Return the time."""
        return self.now

    def later(self, delay: float, callback: Callable[[], object], /) -> Timer:
        """Put a call off."""
        call = _Call(self.now + delay, callback)
        self.calls.append(call)
        return call

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass and what is due happen, in order."""
        end = self.now + seconds
        while due := [call for call in self.calls if call.due <= end and not call.cancelled]:
            call = min(due, key=lambda each: each.due)
            self.calls.remove(call)
            self.now = max(self.now, call.due)
            call.callback()
        self.now = end


class FakeSocket:
    """A connection without a network: frames go in as the reader would hand them over, out into a list."""

    def __init__(self, world: World, bearer: Bearer, version: Version) -> None:
        self.connection = Connection(world.realm, web.WebSocketResponse(), version, bearer)
        self._version = version

    def take(self) -> list[Json]:
        """Return the frames sent since the last look, as objects of the v1 form plus join_ref."""
        found = [json.loads(written.body) for written in self.connection._queue]  # type: ignore[union-attr]  # no closes
        self.connection._queue.clear()
        names = ("join_ref", "ref", "topic", "event", "payload")
        return [dict(zip(names, frame, strict=True)) if isinstance(frame, list) else frame for frame in found]

    def receive(self, topic: str, event: str, payload: object, *, ref: str | None, join_ref: str | None = None) -> None:
        """Hand a client's frame in."""
        self.connection.receive(Frame(topic=topic, event=event, payload=payload, ref=ref, join_ref=join_ref))

    def join(
        self, topic: str, *, ref: str = "1", token: str | None = None, config: Mapping[str, object] | None = None
    ) -> list[Json]:
        """Join and return what came of it."""
        payload: Json = {"config": config or {}}
        if token is not None:
            payload["access_token"] = token
        self.receive(topic, "phx_join", payload, ref=ref, join_ref=ref)
        return self.take()


class World:
    """Everything channels share, with time in the test's hands."""

    def __init__(self, timing: Timing | None = None) -> None:
        self.keys = Keys.generate()
        self.time = FakeTime(cast("float", self.keys.verify(self.keys.anon)["iat"]) + 0.0)
        self.faults = Faults()
        self.subscribing: list[Channel] = []
        self.realm = Realm(
            keys=self.keys,
            timing=timing or Timing(),
            faults=self.faults,
            clock=self.time,
            later=self.time.later,
            subscribe=self.subscribing.append,
            board=Board(),
            topics=Topics(),
            registry=Registry(),
        )

    def socket(self, api_key: str | None = None, *, version: Version = Version.V1) -> FakeSocket:
        """Connect."""
        return FakeSocket(self, bearer_of_key(self.keys, api_key or self.keys.publishable), version)


def events(frames: list[Json]) -> list[object]:
    """Return the names of the events."""
    return [frame["event"] for frame in frames]


def reason(frames: list[Json]) -> str:
    """Return the reason of the one error reply."""
    [frame] = frames
    payload = cast("Json", frame["payload"])
    assert payload["status"] == "error"
    return cast("Mapping[str, str]", payload["response"])["reason"]
