"""Staying connected: coming back, authenticating again, repeating sends, renewing tokens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.client import (
    ConnectionLost,
    MessageReceived,
    Offline,
    Online,
    Reconnecting,
    Rhythm,
    Surroundings,
    WireClient,
)
from tests.client.scripted import BOB, Peer, eventually, message, scripted
from tests.client.watching import Watch, drop_after_login, linked, stay


async def test_a_loss_is_followed_by_a_new_login() -> None:
    """After a drop the client comes back, authenticates again, and its pushes go on."""

    async def later(peer: Peer) -> None:
        await peer.accept_login()
        await peer.push(message(7))
        await peer.until_closed()

    async with linked(drop_after_login, later) as (_, watch):
        await eventually(watch.saw(4))
    online, offline, again, push = watch.events
    assert online == again == Online(BOB)
    assert isinstance(offline, Offline)
    assert "broke" in offline.reason
    assert push == MessageReceived(message(7))


async def test_pauses_grow_until_a_connection_was_steady() -> None:
    """Connections that break at once come ever more rarely; one that lasted starts the count again."""
    released = asyncio.Event()

    async def steady(peer: Peer) -> None:
        await peer.accept_login()
        await released.wait()
        peer.drop()

    scripts = [drop_after_login, drop_after_login, drop_after_login, steady, stay]
    async with linked(*scripts) as (_, watch):
        await eventually(watch.saw(7))
        watch.clock.advance(11)
        released.set()
        await eventually(watch.saw(9))
    assert watch.pauses == [1.0, 2.0, 4.0, 1.0]


async def test_a_server_that_restarts_says_when_to_come_back() -> None:
    """Each client another second, so that not all come at once; the own rhythm goes on where nothing is said."""

    async def restart(peer: Peer) -> None:
        await peer.accept_login()
        await peer.connection.close(1012, "service restart, come back in 7 s")

    async with linked(restart, drop_after_login, stay) as (_, watch):
        await eventually(watch.saw(5))
    assert watch.pauses == [8.0, 2.0]


async def test_a_send_under_way_is_repeated_with_the_same_client_message_id() -> None:
    """What was not answered before the drop is sent again, so that the server can tell that it is the same."""
    keys: list[object] = []

    async def lose_the_answer(peer: Peer) -> None:
        await peer.accept_login()
        keys.append((await peer.command("send_message")).payload["clientMessageId"])
        peer.drop()

    async def answer(peer: Peer) -> None:
        await peer.accept_login()
        sent = await peer.command("send_message")
        keys.append(sent.payload["clientMessageId"])
        await peer.reply(sent, "message_sent", {"message": message(1)})
        await peer.until_closed()

    async with linked(lose_the_answer, lose_the_answer, answer) as (link, watch):
        sent = await link.insist(lambda client: client.send_message("c1", "hi", client_message_id="key"))
        assert sent == message(1)
    assert keys == ["key", "key", "key"]
    assert watch.server.connections == 3


async def test_a_call_does_not_wait_for_a_connection() -> None:
    """Reading without a connection fails at once; the listener reads again at Online."""
    async with linked(stay) as (link, watch):
        with pytest.raises(ConnectionLost, match="not connected"):
            await link.call(lambda client: client.ping())
        await eventually(watch.saw(1))


async def test_a_pause_can_be_cut_short() -> None:
    """Whoever waits at the keyboard need not wait for the pause."""
    watch = Watch()

    async def for_ever(seconds: float) -> None:
        watch.pauses.append(seconds)
        await asyncio.Event().wait()

    surroundings = Surroundings(clock=watch.clock, pause=for_ever)
    async with scripted(drop_after_login, stay) as server, asyncio.TaskGroup() as group:
        connect = partial(WireClient.connect, server.url)
        link = Reconnecting(connect, lambda: "token", watch.events.append, surroundings=surroundings)
        running = group.create_task(link.run())
        await eventually(lambda: len(watch.pauses) == 1)
        link.try_now()
        await eventually(watch.saw(3))
        running.cancel()
    assert [type(event) for event in watch.events] == [Online, Offline, Online]


async def test_a_connection_closed_from_this_side_is_a_loss_too() -> None:
    """However a connection ends, the next one follows."""
    watch = Watch()
    clients: list[WireClient] = []

    @asynccontextmanager
    async def connect(url: str) -> AsyncIterator[WireClient]:
        async with WireClient.connect(url) as client:
            clients.append(client)
            yield client

    async with scripted(stay) as server, asyncio.TaskGroup() as group:
        surroundings = Surroundings(clock=watch.clock, pause=watch.pause)
        link = Reconnecting(
            lambda: connect(server.url), lambda: "token", watch.events.append, surroundings=surroundings
        )
        running = group.create_task(link.run())
        await eventually(watch.saw(1))
        clients[0]._end(ConnectionLost("closed"), quietly=True)
        await eventually(watch.saw(3))
        running.cancel()
    assert [type(event) for event in watch.events] == [Online, Offline, Online]


@given(attempt=st.integers(0, 10_000), chance=st.floats(0, 1))
def test_pauses_have_bounds(attempt: int, chance: float) -> None:
    """No pause is longer than the limit or shorter than half the first."""
    assert 0.5 <= Rhythm().pause(attempt, chance) <= 30.0


async def test_it_shows_where_it_was_when_it_comes_back() -> None:
    """The cursor of the last push that the listener was told; at first none."""
    shown: list[object] = []
    dropping = asyncio.Event()

    async def first(peer: Peer) -> None:
        shown.append((await peer.accept_login()).payload.get("cursor"))
        await peer.push(message(1), "cursor 1")
        await peer.push(message(2), "cursor 2")
        await dropping.wait()
        peer.drop()

    async def second(peer: Peer) -> None:
        shown.append((await peer.accept_login()).payload.get("cursor"))
        await peer.until_closed()

    async with linked(first, second) as (_, watch):
        await eventually(watch.saw(3))
        dropping.set()
        await eventually(watch.saw(5))
    assert shown == [None, "cursor 2"]
