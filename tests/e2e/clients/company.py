"""People at their pages, in front of one bridge."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, TypeVar

from scripts.sandbox.address import SandboxAddress
from tests.clients.envelopes import Json
from tests.clients.generations import W1, W2, W3
from tests.clients.legacy import Answer, L, Library, Project
from tests.clients.page import BrowserSocket, Page, open_page
from tests.clients.screens import texts
from tests.clients.sealing import Keys, KeyServer
from tests.clients.store import ChatStore, Returned
from tests.e2e.database import Database
from tests.emulated_w1 import read_frame
from tests.specified import check_from_bridge

S = TypeVar("S", bound=ChatStore)
LibraryOf = Callable[[SandboxAddress], Library]


class InTurn:
    """One supabase-js for several pages: it answers line by line."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._turn = threading.Lock()

    def call(self, request: str, token: str | None, **arguments: object) -> Answer:
        """Send a request when the one before has been answered."""
        with self._turn:
            return self._library.call(request, token, **arguments)


class Company:
    """Opens pages for the sample people, by name, and holds every frame that they get to W1's validator."""

    def __init__(
        self, url: str, sandbox: SandboxAddress, database: Database, pages: AsyncExitStack, library_of: LibraryOf
    ) -> None:
        self.url = url
        self.sandbox = sandbox
        self.database = database
        self.keys = KeyServer()
        self._pages = pages
        self._library_of = library_of
        self._stores: list[ChatStore] = []

    async def w1(self, name: str) -> W1:
        """Log somebody in at a W1."""
        return await self._logged_in(W1(await self.page(), self._server), name)

    async def w2(self, name: str) -> W2:
        """Log somebody in at a W2."""
        return await self._logged_in(W2(await self.page(), self._server), name)

    async def w3(self, name: str) -> W3:
        """Log somebody in at a W3, whose participants endpoint is a question to the database."""
        return await self._logged_in(W3(await self.page(), self._server, self.keys_of(name), self._participants), name)

    async def legacy(self, name: str) -> L:
        """Log somebody in at an L."""
        project = Project(url=self.sandbox.url, publishable_key=self.sandbox.publishable_key)
        user_id, token = self.database.user(name), self.token(name)
        return L(await self.page(), project, self._library_of(self.sandbox), user_id=user_id, token=token)

    def watch(self, store: S) -> S:
        """Hold what this page gets to W1's validator, too."""
        self._stores.append(store)
        return store

    async def page(self) -> Page:
        """Open a tab."""
        return await self._pages.enter_async_context(open_page())

    def keys_of(self, name: str) -> Keys:
        """Return somebody's way to the keys."""
        return Keys(self.keys, self.database.user(name))

    def token(self, name: str) -> str:
        """Return somebody's access token."""
        return str(self.sandbox.people[name].token)

    def check_frames(self) -> None:
        """See that W1, the strictest, takes all that anybody was sent, and that it is as specified (F15, F18)."""
        for store in self._stores:
            assert store.dropped == []
            for text in store.received_texts:
                read_frame(text)
                check_from_bridge(text)

    @property
    def _server(self) -> str:
        return self.url.removesuffix("/ws")

    async def _participants(self, conversation_id: str) -> Sequence[str]:
        return list(await self.database.members(conversation_id))

    async def _logged_in(self, store: S, name: str) -> S:
        await self.watch(store).connect(self.token(name))
        assert store.state.user is not None, store.failures
        assert store.state.user["id"] == self.database.user(name)
        return store


async def said(page: Any, conversation_id: str, text: str, **more: object) -> str:
    """Send a message from any page and return its id; each generation's sendMessage is its own."""
    returned: Returned = await page.send_message(conversation_id, text, **more)
    assert returned.success, returned
    assert returned.result is not None
    assert returned.result["encrypted_content"] == text
    return str(returned.result["id"])


async def settled(*stores: ChatStore) -> None:
    """See that nothing more is on its way: an answer comes after whatever was queued before it."""
    for store in stores:
        await store.request("load_conversations", {})


async def told_of(message_id: str, *stores: ChatStore) -> None:
    """Wait until these pages have been told of a message."""
    for store in stores:
        await store.page.until(partial(_is_told, store, message_id))


async def shown(text: str, *stores: ChatStore) -> None:
    """Wait until this is the last line on these screens."""
    for store in stores:
        await store.page.until(partial(_is_shown, store, text))


def _is_told(store: ChatStore, message_id: str) -> bool:
    return any(one["id"] == message_id for one in _messages(store.received_texts))


def _is_shown(store: ChatStore, text: str) -> bool:
    return texts(store)[-1:] == [text]


def ids_received(store: ChatStore, conversation_id: str, socket: BrowserSocket | None = None) -> list[str]:
    """Return the ids of a conversation's messages pushed to a socket, the page's latest if none is named.

    Repeats are in it. Other conversations are not: whoever logs in is told what its last connection may have missed.
    """
    assert store.socket is not None
    told = _messages(store.texts_by_socket.get(socket or store.socket, []))
    return [one["id"] for one in told if one["conversation_id"] == conversation_id]


def frames(store: ChatStore, *types: str) -> list[Json]:
    """Return the frames of these types that this page got."""
    return [frame for frame in map(json.loads, store.received_texts) if frame["type"] in types]


def _messages(received: Sequence[str]) -> list[Json]:
    return [frame["payload"]["message"] for frame in map(json.loads, received) if frame["type"] == "message_received"]
