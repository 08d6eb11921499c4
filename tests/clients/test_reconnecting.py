"""Losing the connection, as each generation takes it (contract ws-protocol section 7, F37)."""

from __future__ import annotations

import pytest

from tests.client.scripted import Peer, ScriptedServer, message, scripted
from tests.clients.generations import W3
from tests.clients.page import open_page
from tests.clients.test_store import made

RECONNECTING = ["w1", "w2"]


async def stay(peer: Peer) -> None:
    """Accept, then wait until the client leaves."""
    await peer.accept_login()
    await peer.until_closed()


async def cut(peer: Peer) -> None:
    """Accept, then fail as a network does."""
    await peer.accept_login()
    peer.drop()


@pytest.mark.parametrize("kind", RECONNECTING)
async def test_it_comes_back_with_auth_and_nothing_else(kind: str) -> None:
    """After one second, with the same token; what was on the screen stays, and messages of it are shown again."""

    async def back(peer: Peer) -> None:
        assert (await peer.accept_login()).payload == {"token": "the token"}
        await peer.push(message(1))
        await peer.until_closed()

    async with scripted(cut, back) as server, open_page() as page:
        store = made(kind, page, server.url)
        await store.connect("the token")
        store.state.active = "c1"
        await page.timers.until_set(1)
        assert not store.state.connected
        page.timers.advance(0.5)
        assert server.connections == 1
        page.timers.advance(0.5)
        await page.until(lambda: store.state.messages)
        assert (store.sent, store.state.connected) == (["auth", "auth"], True)


@pytest.mark.parametrize("kind", RECONNECTING)
async def test_it_tries_five_times(kind: str) -> None:
    """After 1, 2, 4, 8 and 16 s, and then never again."""
    async with open_page() as page:
        store = made(kind, page, "ws://127.0.0.1:9")
        await store.connect("the token")
        for pause in (1, 2, 4, 8, 16):
            await page.timers.until_set(pause)
            page.timers.advance(pause)
        await page.until(lambda: len(store.sockets) == 6 and store.socket.state.name == "CLOSED")
        page.timers.advance(3600)
        assert len(store.sockets) == 6
        assert page.timers.set_so_far == [1, 2, 4, 8, 16]


@pytest.mark.parametrize("kind", RECONNECTING)
async def test_an_open_socket_starts_the_count_anew(kind: str) -> None:
    """However often it was lost before."""
    async with scripted(cut, cut, cut, stay) as server, open_page() as page:
        store = made(kind, page, server.url)
        await store.connect("the token")
        for times in (1, 2, 3):
            await page.timers.until_set(1, times=times)
            page.timers.advance(1)
        await page.until(lambda: len(store.sockets) == 4 and store.state.connected)
        assert 2 not in page.timers.set_so_far


@pytest.mark.parametrize("kind", RECONNECTING)
async def test_logging_out_does_not_keep_it_away(kind: str) -> None:
    """The socket that the page closes itself comes back like any other."""
    async with scripted(stay) as server, open_page() as page:
        store = made(kind, page, server.url)
        await store.connect("the token")
        store.disconnect()
        await page.timers.until_set(1)
        page.timers.advance(1)
        await page.until(lambda: store.sent == ["auth", "auth"])
        await page.until(lambda: store.state.connected)


@pytest.mark.parametrize("kind", ["w1", "w2", "w3"])
async def test_connecting_twice_makes_two_sockets_unless_one_is_open(kind: str) -> None:
    """On an open one nothing happens, not even with a new token."""
    async with scripted(stay) as server, open_page() as page:
        store = made(kind, page, server.url)
        first, second = store.connect("the token"), store.connect("the token")
        page.spawn(first)
        await second
        await page.until(lambda: store.sent == ["auth", "auth"])
        await store.connect("another token")
        assert (len(store.sockets), server.connections, store.token) == (2, 2, "the token")


async def test_w3_does_not_notice() -> None:
    """An error nobody catches comes first: it is connected for ever, and never comes back."""
    server: ScriptedServer
    async with scripted(cut) as server, open_page() as page:
        store = made("w3", page, server.url)
        assert isinstance(store, W3)
        await store.connect("the token")
        await page.until(lambda: store.socket is not None and store.socket.state.name == "CLOSED")
        page.timers.advance(3600)
        assert (store.state.connected, server.connections) == (True, 1)
        assert page.uncaught == ["ReferenceError: after auth", "ReferenceError: on close"]
