"""Channels and the routing of one socket, with time in the test's hands: no network, no database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime.phoenix import Version
from scripts.sandbox.realtime.timing import Timing
from tests.sandbox.realtime.fakes import Json, World, events, reason

TOPIC = "realtime:room"
CHANGES = {"postgres_changes": [{"event": "*", "schema": "public", "table": "messages"}]}
OK: Json = {"status": "ok", "response": {}}


def token(world: World, **claims: float) -> str:
    """Sign a token for somebody."""
    return world.keys.mint("9e85a32e-5ee2-47a0-b1fd-87e2ab6e4332", **claims)


def test_a_heartbeat_is_answered_with_its_ref(world: World) -> None:
    """On the topic phoenix; other events there get no answer."""
    socket = world.socket()
    socket.receive("phoenix", "heartbeat", {}, ref="7")
    assert socket.take() == [{"ref": "7", "event": "phx_reply", "payload": OK, "topic": "phoenix"}]
    socket.receive("phoenix", "anything", {}, ref="8")
    assert socket.take() == []


def test_a_v1_reply_has_no_join_ref_a_v2_reply_has(world: World) -> None:
    """And a v2 frame names its join."""
    assert "join_ref" not in world.socket().join(TOPIC)[0]
    assert world.socket(version=Version.V2).join(TOPIC, ref="5")[0]["join_ref"] == "5"


def test_a_join_is_answered_at_once_and_subscribed_later(world: World) -> None:
    """ok means joined; the database is asked after the delay, and only if changes were asked for."""
    socket = world.socket()
    [reply] = socket.join(TOPIC, config=CHANGES)
    payload = cast("dict[str, dict[str, list[Json]]]", reply["payload"])
    [binding] = payload["response"]["postgres_changes"]
    assert binding == {"event": "*", "schema": "public", "table": "messages", "id": binding["id"]}
    assert world.subscribing == []
    world.time.pass_seconds(Timing().system_delay)
    [channel] = world.subscribing
    channel.subscribed()
    system = {
        "message": "Subscribed to PostgreSQL",
        "status": "ok",
        "extension": "postgres_changes",
        "channel": "room",
    }
    assert socket.take() == [{"ref": None, "event": "system", "payload": system, "topic": TOPIC}]
    socket.join("realtime:other")
    world.time.pass_seconds(10)
    assert world.subscribing == [channel]


def test_a_second_join_of_a_topic_kills_the_first(world: World) -> None:
    """The new one gets ok, then phx_close comes with the old join_ref; the new one lives."""
    socket = world.socket()
    socket.join(TOPIC, ref="1", config=CHANGES)
    frames = socket.join(TOPIC, ref="2")
    assert [(frame["event"], frame["ref"]) for frame in frames] == [("phx_reply", "2"), ("phx_close", "1")]
    world.time.pass_seconds(10)
    assert world.subscribing == []  # the first one's request died with it
    socket.receive(TOPIC, "phx_leave", {}, ref="3", join_ref="1")
    assert socket.take() == []  # a leave of the dead one is none of the new one
    assert world.faults.counts.channels == 1


def test_presence_state_follows_the_close_of_the_old_channel(world: World) -> None:
    """Reply, goodbye to the old, then what the new channel has to say."""
    socket = world.socket()
    socket.join(TOPIC, ref="1")
    frames = socket.join(TOPIC, ref="2", config={"presence": {"enabled": True}})
    assert events(frames) == ["phx_reply", "phx_close", "presence_state"]


def test_a_leave_is_answered_then_closed(world: World) -> None:
    """Reply ok with the leave's ref, phx_close with the join's; leaving what was not joined is fine too."""
    socket = world.socket()
    socket.join(TOPIC, ref="1")
    socket.receive(TOPIC, "phx_leave", {}, ref="2", join_ref="1")
    assert [(frame["event"], frame["ref"]) for frame in socket.take()] == [("phx_reply", "2"), ("phx_close", "1")]
    socket.receive(TOPIC, "phx_leave", {}, ref="3")
    assert [frame["payload"] for frame in socket.take()] == [OK]
    assert world.faults.counts.channels == 0


def test_frames_to_a_topic_nobody_joined_are_unmatched(world: World) -> None:
    """As are joins of topics that are not Realtime's."""
    socket = world.socket()
    socket.receive(TOPIC, "broadcast", {}, ref="1")
    assert reason(socket.take()) == "unmatched topic"
    assert reason(socket.join("room")) == "unmatched topic"


def malformed(keys: Keys) -> str:
    """Return something that is no token."""
    return "no.token.atall"


def forged(keys: Keys) -> str:
    """Return a token signed with another secret."""
    return Keys.generate().mint("someone")


def expired(keys: Keys) -> str:
    """Return a token that ran out ten seconds ago."""
    return keys.mint("someone", lifetime_seconds=-10)


def without_role(keys: Keys) -> str:
    """Return a token that says no role."""
    return keys.mint("someone", role=None)


def unsigned(keys: Keys) -> str:
    """Return a token of an algorithm that is not ours."""
    return "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiJ4In0."


@pytest.mark.parametrize(
    ("make", "code", "text"),
    [
        (malformed, "MalformedJWT", "The token provided is not a valid JWT"),
        (forged, "JwtSignatureError", "Failed to validate JWT signature"),
        (expired, "InvalidJWTToken", "Token has expired 10 seconds ago"),
        (without_role, "InvalidJWTToken", "Fields `role` and `exp` are required in JWT"),
        (unsigned, "JwtSignerError", "Failed to generate JWT signer"),
    ],
)
def test_bad_tokens(world: World, make: Callable[[Keys], str], code: str, text: str) -> None:
    """A join is refused with code and text after the back-off; a push shuts the channel with the text at once."""
    bad, socket = make(world.keys), world.socket()
    assert socket.join(TOPIC, token=bad) == []
    world.time.pass_seconds(Timing().error_backoff - 0.1)
    assert socket.take() == []
    world.time.pass_seconds(0.1)
    refused = reason(socket.take())
    assert refused.startswith(f"{code}: ")
    assert refused.endswith(text) or make is expired  # the clock moved on meanwhile

    world.time.now -= Timing().error_backoff
    socket.join(TOPIC)
    socket.receive(TOPIC, "access_token", {"access_token": bad}, ref="2", join_ref="1")
    system, close = socket.take()
    assert system["payload"] == {"message": text, "status": "error", "extension": "system", "channel": "room"}
    assert (close["event"], close["ref"], close["payload"]) == ("phx_close", "1", {})
    socket.receive("phoenix", "heartbeat", {}, ref="3")
    assert events(socket.take()) == ["phx_reply"]  # the socket is fine


def test_a_refused_join_still_ends_the_old_channel(world: World) -> None:
    """Error reply, then the close of the one it would have replaced."""
    socket = world.socket()
    socket.join(TOPIC, ref="1")
    socket.join(TOPIC, ref="2", token="no.token.atall")
    world.time.pass_seconds(5)
    assert [(frame["event"], frame["ref"]) for frame in socket.take()] == [("phx_reply", "2"), ("phx_close", "1")]
    assert world.faults.counts.channels == 0


def test_joins_that_cannot_be(world: World) -> None:
    """No name, a payload of another shape, too many channels."""
    socket = world.socket()
    cases: list[tuple[str, object, str]] = [
        ("realtime:", {}, "TopicNameRequired: "),
        (TOPIC, {"config": 7}, "InvalidJoinPayload: "),
        (TOPIC, [], "InvalidJoinPayload: "),
    ]
    for topic, payload, expected in cases:
        socket.receive(topic, "phx_join", payload, ref="1", join_ref="1")
        world.time.pass_seconds(5)
        assert reason(socket.take()).startswith(expected)
    for number in range(100):
        socket.join(f"realtime:{number}")
    socket.join("realtime:one-too-many")
    world.time.pass_seconds(5)
    assert reason(socket.take()) == "ChannelRateLimitReached: Too many channels"


def test_clients_leave_out_what_they_like(world: World) -> None:
    """Nulls and missing parts of the config are defaults."""
    socket = world.socket()
    assert events(socket.join(TOPIC, config={"broadcast": None, "presence": None, "private": None})) == ["phx_reply"]
    socket.receive("realtime:bare", "phx_join", {}, ref="1", join_ref=None)
    assert events(socket.take()) == ["phx_reply"]


def test_a_token_in_the_form_of_a_key_counts_as_none(world: World) -> None:
    """supabase-py sends its `sb_` key as access_token; the socket's key decides then, and a push is ignored."""
    socket = world.socket()
    socket.join(TOPIC, token=world.keys.publishable, config=CHANGES)
    world.time.pass_seconds(1)
    [channel] = world.subscribing
    assert channel.bearer.role == "anon"
    socket.receive(TOPIC, "access_token", {"access_token": world.keys.secret}, ref="2", join_ref="1")
    world.time.pass_seconds(1)
    assert channel.bearer.role == "anon"
    assert world.subscribing == [channel]
    assert socket.take() == []


def test_a_fresh_token_subscribes_anew_and_gets_no_reply(world: World) -> None:
    """With the new claims; the same token again changes nothing, nor does one that is no text."""
    socket = world.socket()
    first, second = token(world, number=1), token(world, number=2)
    socket.join(TOPIC, token=first, config=CHANGES)
    world.time.pass_seconds(1)
    [channel] = world.subscribing
    world.subscribing.clear()
    for pushed in (first, None, 7):
        socket.receive(TOPIC, "access_token", {"access_token": pushed}, ref="2", join_ref="1")
    socket.receive(TOPIC, "access_token", None, ref="2", join_ref="1")
    world.time.pass_seconds(1)
    assert world.subscribing == []
    socket.receive(TOPIC, "access_token", {"access_token": second}, ref="3", join_ref="1")
    assert channel.bearer.claims["number"] == 2
    world.time.pass_seconds(1)
    assert world.subscribing == [channel]
    assert socket.take() == []


def test_a_channel_ends_when_its_token_does(world: World) -> None:
    """A system error and phx_close at the moment of expiry; a refreshed token moves that moment."""
    socket = world.socket()
    socket.join(TOPIC, token=token(world, exp=world.time.now + 1000))
    world.time.pass_seconds(900)
    socket.receive(TOPIC, "access_token", {"access_token": token(world, exp=world.time.now + 1000)}, ref="2")
    world.time.pass_seconds(999)
    assert socket.take() == []
    world.time.pass_seconds(1)
    system, close = socket.take()
    assert cast("Json", system["payload"])["message"] == "Token has expired 0 seconds ago"
    assert close["event"] == "phx_close"
    assert world.faults.counts.channels == 0


def test_a_refused_subscription_is_told_and_retried(world: World) -> None:
    """A system error of extension postgres_changes: informational, the channel stays (supabase.md 2.5)."""
    socket = world.socket()
    socket.join(TOPIC, config=CHANGES)
    world.time.pass_seconds(1)
    [channel] = world.subscribing
    channel.subscription_failed("no such table", again=True)
    [system] = socket.take()
    assert cast("Json", system["payload"])["extension"] == "postgres_changes"
    world.time.pass_seconds(Timing().resubscribe_delay)
    assert world.subscribing == [channel, channel]
    channel.subscription_failed("no such operator", again=False)
    world.time.pass_seconds(100)
    assert len(world.subscribing) == 2
    assert world.faults.counts.channels == 1


def test_a_channel_ends_only_once(world: World) -> None:
    """Whatever ends it a second time is not heard."""
    socket = world.socket()
    socket.join(TOPIC)
    channel = socket.connection.channels[TOPIC]
    channel.crash()
    channel.close()
    channel.release()
    frames = socket.take()
    assert [(frame["event"], frame["ref"]) for frame in frames] == [("phx_error", "1")]
    assert world.faults.counts.channels == 0


def test_a_client_that_reads_too_slowly_is_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Its queue is bounded; once, with a line in the log."""
    monkeypatch.setattr("scripts.sandbox.realtime.connection.MAX_QUEUED_FRAMES", 3)
    socket = world.socket()
    for number in range(10):
        socket.receive("phoenix", "heartbeat", {}, ref=str(number))
    assert socket.take() == []
    assert caplog.text.count("cut off") == 1


async def test_a_silent_reset_leaves_no_refusal_behind(world: World) -> None:
    """A join that waits for its refusal is forgotten with its socket."""
    socket = world.socket()
    socket.join(TOPIC, token="no.token.atall")
    await asyncio.gather(socket.connection.run(None), return_exceptions=True)  # it was never connected
    world.time.pass_seconds(10)
    assert socket.take() == []
