"""Broadcast over HTTP: both forms, their refusals, and binary bodies."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession

from tests.sandbox.realtime.conftest import Connect
from tests.sandbox.realtime.running import StandIn

pytestmark = pytest.mark.sandbox


async def post(stand_in: StandIn, path: str, body: bytes | object, **headers: str) -> tuple[int, str]:
    """Post JSON, or bytes as they are; return status and body."""
    given = {"apikey": stand_in.keys.publishable, **headers}
    url = f"{stand_in.url}/realtime/v1/api/broadcast{path}"
    async with ClientSession(headers=given) as session:
        request = session.post(url, data=body) if isinstance(body, bytes) else session.post(url, json=body)
        async with request as response:
            return response.status, await response.text()


async def test_a_batch_reaches_its_topics(stand_in: StandIn, connect: Connect) -> None:
    """202 and no body; what is private is skipped silently for all but the service role."""
    client = await connect(stand_in.keys.secret)
    await client.join("realtime:open")
    await client.join("realtime:closed", private=True)
    open_one = {"topic": "open", "event": "e", "payload": {"n": 1}}
    closed_one = {"topic": "closed", "event": "e", "payload": {"n": 2}, "private": True}
    assert await post(stand_in, "", {"messages": [closed_one, open_one]}) == (202, "")
    assert (await client.next()).payload == {"type": "broadcast", "event": "e", "payload": {"n": 1}}
    token = stand_in.keys.service_role
    status, _ = await post(stand_in, "", {"messages": [closed_one]}, Authorization=f"Bearer {token}")
    assert status == 202
    assert (await client.next()).topic == "realtime:closed"


async def test_a_single_event_has_its_own_address(stand_in: StandIn, connect: Connect) -> None:
    """Topic and event are in the path; private needs the service role."""
    client = await connect(vsn="2.0.0")
    await client.join("realtime:a topic/with:all")
    path = "/a%20topic%2Fwith:all/events/an%20event"
    assert await post(stand_in, path, {"n": 1}) == (202, "")
    assert (await client.next()).payload == {"type": "broadcast", "event": "an event", "payload": {"n": 1}}
    assert (await post(stand_in, f"{path}?private=true", {}))[0] == 403
    assert (await post(stand_in, f"{path}?private=true", {}, apikey=stand_in.keys.secret))[0] == 202


async def test_a_binary_body_arrives_as_binary_and_only_on_v2(stand_in: StandIn, connect: Connect) -> None:
    """v1 has no form for it and drops it."""
    new, old = await connect(vsn="2.0.0"), await connect()
    for client in (new, old):
        await client.join("realtime:t")
    octets = {"Content-Type": "application/octet-stream"}
    assert await post(stand_in, "/t/events/e", b"\x00\xff", **octets) == (202, "")
    assert await new.next_raw() == b"\x04\x0a\x01\x00\x00realtime:te\x00\xff"
    await old.nothing_but_a_heartbeat()
    assert (await post(stand_in, f"/t/events/{'e' * 256}", b"", **octets))[0] == 422


async def test_bad_requests(stand_in: StandIn) -> None:
    """401 without a good key or token, 422 for another shape."""
    assert (await post(stand_in, "", {"messages": []}, apikey="wrong"))[0] == 401
    assert (await post(stand_in, "", {"messages": []}, Authorization="Bearer nonsense"))[0] == 401
    assert (await post(stand_in, "", {"messages": [{}]}))[0] == 422
    assert (await post(stand_in, "", b"{"))[0] == 422
    assert (await post(stand_in, "/t/events/e", b"{", **{"Content-Type": "application/json"}))[0] == 422
    key = stand_in.keys.publishable
    assert (await post(stand_in, "", {"messages": []}, Authorization=f"Bearer {key}"))[0] == 202
