"""Broadcasts and presence of channels, with time in the test's hands: no network, no database."""

from __future__ import annotations

from typing import cast

from scripts.sandbox.realtime.phoenix import BinaryBroadcast, Encoding, Version
from tests.sandbox.realtime.fakes import FakeSocket, Json, World, events, reason

TOPIC = "realtime:room"
OK: Json = {"status": "ok", "response": {}}


def test_private_topics_are_for_the_service_role(world: World) -> None:
    """We have no policies on realtime.messages; and a private topic is not the public one of the same name."""
    anybody, server = world.socket(), world.socket(world.keys.secret)
    anybody.join(TOPIC, config={"private": True})
    world.time.pass_seconds(5)
    assert reason(anybody.take()) == "Unauthorized: You do not have permissions to read from this Channel topic: room"
    assert events(server.join(TOPIC, config={"private": True})) == ["phx_reply"]
    anybody.join(TOPIC)
    anybody.receive(TOPIC, "broadcast", {"type": "broadcast", "event": "e", "payload": {}}, ref="2", join_ref="1")
    assert server.take() == []


def test_broadcasts(world: World) -> None:
    """To everybody else; to oneself only with self; the own copy precedes the ack's reply (recorded)."""
    quiet, loud = world.socket(), world.socket(version=Version.V2)
    quiet.join(TOPIC)
    loud.join(TOPIC, config={"broadcast": {"ack": True, "self": True}})
    payload = {"type": "broadcast", "event": "typing", "payload": {"u": 1}}
    quiet.receive(TOPIC, "broadcast", payload, ref="2", join_ref="1")
    assert quiet.take() == []
    assert [frame["payload"] for frame in loud.take()] == [payload]
    loud.receive(TOPIC, "broadcast", payload, ref="3", join_ref="1")
    assert [(frame["event"], frame["payload"]) for frame in loud.take()] == [("broadcast", payload), ("phx_reply", OK)]
    assert [frame["payload"] for frame in quiet.take()] == [payload]


def track(socket: FakeSocket, state: object, *, event: str = "track", ref: str = "9") -> None:
    """Push a presence call."""
    socket.receive(TOPIC, "presence", {"type": "presence", "event": event, "payload": state}, ref=ref, join_ref="1")


def test_presence(world: World) -> None:
    """Reply, then a diff to everybody with presence; newcomers get the state; leaving is a leave."""
    ann, bob, deaf = world.socket(), world.socket(), world.socket()
    deaf.join(TOPIC)
    assert events(ann.join(TOPIC, config={"presence": {"enabled": True, "key": "ann"}})) == [
        "phx_reply",
        "presence_state",
    ]
    track(ann, {"mood": "good"})
    reply, diff = ann.take()
    assert reply["payload"] == OK
    joins = cast("dict[str, dict[str, dict[str, list[Json]]]]", diff["payload"])["joins"]
    [meta] = joins["ann"]["metas"]
    assert meta["mood"] == "good"
    [_, state] = bob.join(TOPIC, config={"presence": {"enabled": True, "key": "bob"}})
    assert state["payload"] == joins
    ann.receive(TOPIC, "phx_leave", {}, ref="10", join_ref="1")
    assert events(ann.take()) == ["phx_reply", "phx_close"]
    assert [frame["payload"] for frame in bob.take()] == [{"joins": {}, "leaves": joins}]
    assert deaf.take() == []


def test_an_untrack_without_a_track_and_a_malformed_call_are_answered(world: World) -> None:
    """Nobody hears of them."""
    socket = world.socket()
    socket.join(TOPIC, config={"presence": {"enabled": True}})
    track(socket, {}, event="untrack")
    assert events(socket.take()) == ["phx_reply"]
    socket.receive(TOPIC, "presence", "nonsense", ref="2", join_ref="1")
    assert events(socket.take()) == ["phx_reply"]


def test_tracking_enables_presence(world: World) -> None:
    """A channel that joined without it hears diffs from its first track on, under a key of the server's."""
    socket = world.socket()
    socket.join(TOPIC)
    track(socket, None)
    reply, diff = socket.take()
    assert reply["payload"] == OK
    assert len(cast("dict[str, Json]", diff["payload"])["joins"]) == 1


def test_more_than_five_presence_calls_in_thirty_seconds_shut_the_channel(world: World) -> None:
    """The sixth does; calls older than the window do not count."""
    socket = world.socket()
    socket.join(TOPIC)
    for _ in range(5):
        track(socket, {})
    world.time.pass_seconds(30)
    socket.take()
    for _ in range(5):
        track(socket, {})
    assert "phx_close" not in events(socket.take())
    track(socket, {})
    frames = socket.take()
    assert events(frames) == ["system", "phx_close"]
    message = cast("dict[str, str]", frames[0]["payload"])["message"]
    assert message.startswith("ClientPresenceRateLimitReached: ")


def test_unknown_events_get_no_answer(world: World) -> None:
    """As on the real server."""
    socket = world.socket()
    socket.join(TOPIC)
    socket.receive(TOPIC, "whatever", {}, ref="2", join_ref="1")
    assert socket.take() == []


def test_a_binary_broadcast_whose_json_is_none_reaches_nobody(world: World) -> None:
    """The sender's socket stays."""
    sender, hearer = world.socket(version=Version.V2), world.socket()
    for socket in (sender, hearer):
        socket.join(TOPIC)
    broken = BinaryBroadcast(user_event="e", encoding=Encoding.JSON, body=b"{")
    sender.receive(TOPIC, "broadcast", broken, ref="2", join_ref="1")
    assert sender.take() == hearer.take() == []
