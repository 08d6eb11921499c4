"""Connecting: keys, versions, refusals; and what ends a socket."""

from __future__ import annotations

import json

import pytest
from aiohttp import ClientSession, WSServerHandshakeError

from scripts.sandbox.keys import Keys
from scripts.sandbox.realtime.timing import Timing
from tests.sandbox.realtime.conftest import Connect
from tests.sandbox.realtime.phoenix_client import Closed, PhoenixClient
from tests.sandbox.realtime.running import StandIn, run_stand_in

pytestmark = pytest.mark.sandbox


async def refusal(stand_in: StandIn, **parameters: str) -> tuple[int, str]:
    """Return status and message of a handshake, done as plain HTTP: refusals come before the upgrade."""
    async with ClientSession() as session, session.get(stand_in.websocket_url, params=parameters) as response:
        assert response.content_type == "application/json"
        return response.status, (await response.json())["message"]


async def test_keys_of_both_kinds_connect(connect: Connect, keys: Keys) -> None:
    """Publishable and secret keys, the legacy JWTs, and a token signed with the project's secret."""
    for api_key in (keys.publishable, keys.secret, keys.anon, keys.service_role, keys.mint("someone")):
        await (await connect(api_key)).nothing_but_a_heartbeat()


async def test_other_keys_are_refused_with_json(stand_in: StandIn) -> None:
    """401 and a reason; a version nobody speaks is 403."""
    assert await refusal(stand_in, apikey="sb_publishable_wrong") == (
        401,
        "MalformedJWT: The token provided is not a valid JWT",
    )
    assert await refusal(stand_in) == (401, "InvalidJWTToken: No API key found in request")
    expired = stand_in.keys.mint("someone", lifetime_seconds=-1)
    assert (await refusal(stand_in, apikey=expired))[0] == 401
    assert (await refusal(stand_in, apikey=stand_in.keys.anon, vsn="9.0.0"))[0] == 403


async def test_the_header_beats_the_query(stand_in: StandIn) -> None:
    """x-api-key counts, whatever the query says; an apikey header counts when there is nothing else."""
    async with ClientSession() as session:
        for headers, query in (
            ({"x-api-key": stand_in.keys.anon}, {"apikey": "wrong"}),
            ({"apikey": stand_in.keys.anon}, {}),
        ):
            async with session.ws_connect(stand_in.websocket_url, headers=headers, params=query) as socket:
                assert not socket.closed
        with pytest.raises(WSServerHandshakeError):
            await session.ws_connect(
                stand_in.websocket_url, headers={"x-api-key": "wrong"}, params={"apikey": stand_in.keys.anon}
            )


async def test_without_a_vsn_the_first_version_is_spoken(stand_in: StandIn) -> None:
    """As in Phoenix."""
    parameters = {"apikey": stand_in.keys.anon}
    async with ClientSession() as session, session.ws_connect(stand_in.websocket_url, params=parameters) as socket:
        await socket.send_json({"topic": "phoenix", "event": "heartbeat", "payload": {}, "ref": "1"})
        assert (await socket.receive_json())["ref"] == "1"


@pytest.mark.parametrize("vsn", ["1.0.0", "2.0.0"])
async def test_a_frame_nobody_understands_ends_the_socket(connect: Connect, vsn: str) -> None:
    """The real process crashes on it: 1011."""
    for send in (PhoenixClient.send_raw, send_nonsense_bytes):
        client = await connect(vsn=vsn)
        await send(client, "no frame")
        with pytest.raises(Closed) as closed:
            await client.next()
        assert closed.value.code == 1011


async def send_nonsense_bytes(client: PhoenixClient, text: str) -> None:
    """Send a binary message that is no push."""
    await client.send_bytes(text.encode())


async def test_a_client_frame_above_five_megabytes_ends_the_socket(connect: Connect) -> None:
    """With 1009, which a client that is still sending may lose to the reset behind it."""
    client = await connect()
    with pytest.raises((Closed, ConnectionError)) as ended:
        await send_and_receive(client, "x" * 5_000_000)
    assert not isinstance(ended.value, Closed) or ended.value.code in (1006, 1009)


async def send_and_receive(client: PhoenixClient, filler: str) -> None:
    """Send a heartbeat of any size and wait for the answer."""
    await client.send("phoenix", "heartbeat", {"filler": filler})
    await client.next()


async def test_a_ping_is_answered(connect: Connect) -> None:
    """By a pong, which the client library takes; frames go on."""
    client = await connect()
    await client.ping()
    await client.nothing_but_a_heartbeat()


async def test_a_silent_socket_is_closed(dsn: str, keys: Keys) -> None:
    """After the limit, 60 seconds on the real server, without a frame."""
    timing = Timing(silence_limit=0.05)
    async with (
        run_stand_in(dsn=dsn, keys=keys, timing=timing) as stand_in,
        PhoenixClient(stand_in.websocket_url, keys.anon) as client,
    ):
        with pytest.raises(Closed) as closed:
            await client.next()
        assert closed.value.code == 1000


async def test_a_client_that_leaves_is_forgotten(connect: Connect, stand_in: StandIn) -> None:
    """Its channels end and others hear its presence leave."""
    ann, bob = await connect(), await connect()
    for name, client in (("ann", ann), ("bob", bob)):
        await client.join("realtime:room", presence={"enabled": True, "key": name})
        await client.expect("presence_state")
    await ann.send("realtime:room", "presence", {"event": "track", "payload": {}})
    await bob.expect("presence_diff")
    await ann.close()
    diff = await bob.expect("presence_diff")
    assert json.dumps(diff.payload["leaves"]).count("ann") == 1
    assert stand_in.faults.counts.channels == 1
