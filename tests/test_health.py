"""The state of the bridge: told when it changes, named to operators."""

from __future__ import annotations

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from bridge.capabilities import Capability
from bridge.clock import FakeClock
from bridge.errors import StoreDown, StoreError, StoreRefused
from bridge.events import BridgeStatus, Trouble
from bridge.health import NO_RIGHT, Health
from bridge.history import History
from bridge.hub import Hub
from tests.people import BIRTH, B
from tests.receivers import Listener


class Scene:
    """A bridge's health, with somebody who is told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        hub = Hub(self.clock, History(self.clock))
        self.receiver = Listener(B, Capability.CONNECTION_STATUS)
        hub.attach(self.receiver)
        self.health = Health(hub, self.clock)

    def told(self) -> list[tuple[str, str | None]]:
        """Return status and reason of each frame since the last look."""
        payloads = [self.payload(frame) for frame in self.receiver.frames]
        self.receiver.frames.clear()
        return [(payload["status"], payload["reason"]) for payload in payloads]

    @staticmethod
    def payload(frame: str) -> dict[str, Any]:
        """Return the payload of a connection_status."""
        read: dict[str, Any] = json.loads(frame)
        assert read["type"] == "connection_status"
        payload: dict[str, Any] = read["payload"]
        return payload

    def write(self, table: str, error: StoreError | None = None) -> None:
        """Try to write into a table, with this outcome."""
        with self.health.writing(table):
            if error is not None:
                raise error


@pytest.fixture
def scene() -> Scene:
    """Return a bridge that has just begun."""
    return Scene()


def test_a_bridge_begins_without_realtime(scene: Scene) -> None:
    """Until the feed says otherwise; nobody is told what they have not been told otherwise."""
    current = scene.health.current
    assert (current.status, current.reason, current.since) == (BridgeStatus.DEGRADED, Trouble.REALTIME_LOST, BIRTH)
    assert (scene.told(), scene.health.reasons) == ([], ["realtime_lost"])


def test_each_change_is_told_once_with_the_time_it_began(scene: Scene) -> None:
    """The same again is no news."""
    scene.clock.advance(5)
    scene.health.set_troubles({Trouble.CATCHING_UP})
    scene.health.set_troubles({Trouble.CATCHING_UP})
    scene.clock.advance(5)
    scene.health.set_troubles(set())
    scene.clock.advance(5)
    scene.health.set_troubles(set())
    assert [scene.payload(frame) for frame in scene.receiver.frames] == [
        {"status": "degraded", "reason": "catching_up", "since": "2026-01-01T00:00:05+00:00"},
        {"status": "live", "reason": None, "since": "2026-01-01T00:00:10+00:00"},
    ]
    assert scene.health.reasons == []


def test_the_lag_counts_from_the_first_trouble_on(scene: Scene) -> None:
    """Whichever it is by now; nothing once all are over."""
    scene.clock.advance(5)
    assert scene.health.seconds_in_doubt == 5
    scene.health.set_troubles(set())
    scene.clock.advance(5)
    assert scene.health.seconds_in_doubt == 0
    for troubles in ({Trouble.REALTIME_LOST}, {Trouble.TABLES_UNREACHABLE}, {Trouble.CATCHING_UP}):
        scene.health.set_troubles(troubles)
        scene.clock.advance(2)
    assert scene.health.seconds_in_doubt == 6


def test_the_worst_trouble_is_told_and_all_are_named(scene: Scene) -> None:
    """A client can show one reason; an operator wants them all."""
    scene.health.set_troubles(set(Trouble))
    assert scene.told() == [("degraded", "tables_unreachable")]
    assert scene.health.reasons == ["tables_unreachable", "realtime_lost", "catching_up"]
    scene.health.set_troubles({Trouble.REALTIME_LOST, Trouble.CATCHING_UP})
    assert scene.told() == [("degraded", "realtime_lost")]


def test_draining_is_the_last_thing_told(scene: Scene) -> None:
    """Whatever happens to the feed then."""
    scene.health.set_troubles(set())
    scene.health.drain()
    scene.health.set_troubles({Trouble.REALTIME_LOST})
    scene.health.drain()
    assert scene.told() == [("live", None), ("draining", None)]
    assert scene.health.reasons == ["draining", "realtime_lost"]


def test_a_refused_right_is_named_until_such_a_write_succeeds(scene: Scene) -> None:
    """By table (contract F43); clients are not told, for messages flow all the same."""
    scene.health.set_troubles(set())
    scene.told()
    with capture_logs() as logs:
        for table in ("typing_indicators", "message_status", "message_status"):
            with pytest.raises(StoreRefused):
                scene.write(table, StoreRefused(NO_RIGHT))
    assert [(line["event"], line["table"]) for line in logs] == [
        ("health.cannot_write", "typing_indicators"),
        ("health.cannot_write", "message_status"),
    ]
    assert scene.health.reasons == ["message_status cannot be written", "typing_indicators cannot be written"]
    scene.write("message_status")
    scene.write("user_presence")
    assert scene.health.reasons == ["typing_indicators cannot be written"]
    assert (scene.told(), scene.health.current.status) == ([], BridgeStatus.LIVE)


@pytest.mark.parametrize("error", [StoreDown("down"), StoreRefused("23503")])
def test_other_failures_are_counted_only(scene: Scene, error: StoreError) -> None:
    """They pass, or are about one row; a right that is refused stays refused meanwhile."""
    scene.health.set_troubles(set())
    reasons = []
    for outcome in (error, StoreRefused(NO_RIGHT), error):
        with pytest.raises(StoreError):
            scene.write("user_presence", outcome)
        reasons.append(len(scene.health.reasons))
    assert reasons == [0, 1, 1]
    assert (scene.health.failed_writes("user_presence"), scene.health.failed_writes("message_status")) == (3, 0)
