"""What W1, W2 and W3 have in common: the chat store of a page (contract ws-protocol section 7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import ClassVar

from tests.clients.envelopes import Json, Validator, new_request
from tests.clients.page import BrowserSocket, Page, ReadyState
from tests.clients.timers import Timer

REQUEST_SECONDS = 30.0
TYPING_SECONDS = 3.0


class RequestFailed(Exception):
    """A request's promise was rejected; the clients look at neither text nor code."""

    def __init__(self, text: str, code: str | None = None) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


@dataclass
class State:
    """What the page draws itself from."""

    user: Json | None = None
    connected: bool = False
    loading: bool = False
    conversations: list[Json] = field(default_factory=list)
    messages: list[Json] = field(default_factory=list)
    active: str | None = None
    typing_users: list[str] = field(default_factory=list)
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What sendMessage and createConversation return to the UI."""

    success: bool
    result: Json | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class _Pending:
    answer: asyncio.Future[Json]
    timer: Timer

    def settle(self, outcome: Json | RequestFailed) -> None:
        """Resolve or reject; whoever asked may have stopped waiting."""
        if self.answer.done():
            return
        if isinstance(outcome, RequestFailed):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


class ChatStore:
    """One page's store; a subclass says what is a generation's own."""

    validator: ClassVar[Validator]
    path: ClassVar[str]

    def __init__(self, page: Page, server: str) -> None:
        self.page = page
        self.state = State()
        self.socket: BrowserSocket | None = None
        self.sockets: list[BrowserSocket] = []
        self.token: str | None = None
        self.sent: list[str] = []
        self.received_texts: list[str] = []
        self.texts_by_socket: dict[BrowserSocket, list[str]] = {}
        self.dropped: list[str] = []
        self.broadcasts: list[Json] = []
        self.failures: list[RequestFailed] = []
        self._server = server
        self._pending: dict[str, _Pending] = {}
        self._answered: set[BrowserSocket] = set()

    # What the UI calls.

    async def connect(self, token: str) -> None:
        """Open a socket and authenticate; on an open one do nothing, even with another token."""
        if self.socket is not None and self.socket.state is ReadyState.OPEN:
            return
        self.token = token
        socket = self.open_socket()
        await self.page.until(lambda: socket in self._answered or socket.state is ReadyState.CLOSED)

    def disconnect(self) -> None:
        """Close the socket, as logging out does; what close leads to is not prevented."""
        if self.socket is not None:
            self.socket.close()

    async def load_conversations(self) -> None:
        """Replace the list by the server's, as it is."""
        async with self._stating("Failed to load conversations"), self._loading():
            answer = await self.request("load_conversations", {})
            self.state.conversations = answer["payload"]["conversations"]

    async def join_conversation(self, conversation_id: str) -> None:
        """Enter the room."""
        async with self._stating("Failed to join conversation"):
            await self.request("join_conversation", {"conversationId": conversation_id})

    async def leave_conversation(self, conversation_id: str) -> None:
        """Leave the room; no UI calls it."""
        await self._quietly("leave_conversation", conversation_id)

    async def load_messages(self, conversation_id: str) -> None:
        """Show a conversation: its messages replace whatever was shown."""
        async with self._stating("Failed to load messages"), self._loading():
            answer = await self.request("load_messages", {"conversationId": conversation_id})
            self.state.messages = self.read_messages(answer["payload"]["messages"])
            self.state.active = conversation_id
            self.state.typing_users = []

    async def set_typing(self, conversation_id: str) -> None:
        """Tell of a keystroke; the store's own stop after 3 s is followed by one of the UI."""
        for _ in ("the store", "the UI"):
            self.page.timers.set(TYPING_SECONDS, lambda: self._stop_typing(conversation_id))
        await self._quietly("typing_start", conversation_id)

    async def create_conversation(self, wanted: Mapping[str, object]) -> Returned:
        """Send what the caller gave, unchanged, then load the list anew."""
        try:
            answer = await self.request("create_conversation", wanted)
        except RequestFailed as failure:
            self.failures.append(failure)
            return Returned(success=False, error="Failed to create conversation")
        await self.load_conversations()
        return Returned(success=True, result=answer["payload"])

    async def select(self, conversation_id: str) -> None:
        """Click on a conversation: the sidebar joins, the list joins too, and nobody ever leaves."""
        await asyncio.gather(*(self.join_conversation(conversation_id) for _ in ("the sidebar", "the list")))
        await self.load_messages(conversation_id)

    # What a generation does its own way.

    def read_messages(self, messages: list[Json]) -> list[Json]:
        """Return the messages as they are kept."""
        return messages

    def message_received(self, payload: Json) -> None:
        """Append a message to the list if it belongs there and is not in it."""
        self.append(payload["message"])

    def append(self, message: Json) -> None:
        """Show a message of the active conversation once."""
        is_new = all(known["id"] != message["id"] for known in self.state.messages)
        if message["conversation_id"] == self.state.active and is_new:
            self.state.messages = [*self.state.messages, message]

    async def log_in(self, socket: BrowserSocket) -> None:
        """Authenticate a socket that has just opened."""
        async with self._stating("Authentication failed"):
            answer = await self.request("auth", {"token": self.token}, socket)
            self.state.user = answer["payload"]["user"]

    # The socket.

    def open_socket(self) -> BrowserSocket:
        """Open one more socket; the latest is the one that is written to."""
        self.socket = BrowserSocket(self.page, self._server + self.path, self)
        self.sockets.append(self.socket)
        return self.socket

    async def request(self, frame_type: str, payload: object, socket: BrowserSocket | None = None) -> Json:
        """Send a request and return the frame that settles it.

        Raises:
            RequestFailed: refused, or not answered within 30 s, or there is no open socket.

        """
        socket = socket or self.socket
        if socket is None or socket.state is not ReadyState.OPEN:
            raise RequestFailed("WebSocket not connected")
        request_id, text = new_request(frame_type, payload)
        pending = _Pending(
            asyncio.get_running_loop().create_future(),
            self.page.timers.set(REQUEST_SECONDS, lambda: self._time_out(request_id)),
        )
        self._pending[request_id] = pending
        self.sent.append(frame_type)
        socket.send(text)
        return await pending.answer

    def opened(self, socket: BrowserSocket) -> None:
        """Begin with auth, whatever came before."""
        self.state.connected = True
        self.page.spawn(self._begin(socket))

    def received(self, socket: BrowserSocket, text: str) -> None:
        """Settle the request that a frame belongs to; anything else is a broadcast."""
        self.received_texts.append(text)
        self.texts_by_socket.setdefault(socket, []).append(text)
        envelope = self.validator.accepted(text)
        if envelope is None:
            self.dropped.append(text)
            return
        pending = self._pending.pop(str(envelope["requestId"]), None)
        if pending is None:
            self._take_broadcast(envelope)
            return
        pending.timer.clear()
        payload = envelope["payload"]
        pending.settle(
            RequestFailed(str(payload["error"]), str(payload["code"])) if envelope["type"] == "error" else envelope
        )

    def closed(self, socket: BrowserSocket) -> None:
        """Take note; requests that are pending stay so."""
        self.state.connected = False

    async def _begin(self, socket: BrowserSocket) -> None:
        await self.log_in(socket)
        self._answered.add(socket)
        self.page.changed()

    def _take_broadcast(self, envelope: Json) -> None:
        self.broadcasts.append(envelope)
        payload = envelope["payload"]
        if envelope["type"] == "message_received":
            self.message_received(payload)
        elif envelope["type"] == "typing_update":
            # Whatever its conversationId: typing anywhere shows in the conversation on the screen.
            others = [one for one in self.state.typing_users if one != payload["userId"]]
            self.state.typing_users = [*others, payload["userId"]] if payload["isTyping"] else others

    def _time_out(self, request_id: str) -> None:
        self._pending.pop(request_id).settle(RequestFailed("Request timeout"))

    def _stop_typing(self, conversation_id: str) -> None:
        self.page.spawn(self._quietly("typing_stop", conversation_id))

    async def _quietly(self, frame_type: str, conversation_id: str) -> None:
        """Send what no state depends on."""
        try:
            await self.request(frame_type, {"conversationId": conversation_id})
        except RequestFailed as failure:
            self.failures.append(failure)

    @asynccontextmanager
    async def _stating(self, sentence: str) -> AsyncIterator[None]:
        """Put a fixed sentence into the state if a request fails: that is all the UI ever shows of an error."""
        try:
            yield
        except RequestFailed as failure:
            self.failures.append(failure)
            self.state.error = sentence

    @asynccontextmanager
    async def _loading(self) -> AsyncIterator[None]:
        self.state.loading = True
        try:
            yield
        finally:
            self.state.loading = False
            self.page.changed()
