"""W1, W2 and W3: what each does its own way (contract ws-protocol section 7)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import ClassVar

from tests.clients import envelopes
from tests.clients.envelopes import Json, Validator
from tests.clients.page import BrowserSocket, Page
from tests.clients.sealing import Keys, NotForUs
from tests.clients.store import ChatStore, RequestFailed, Returned

ATTEMPTS = 5
CONTENT_UNAVAILABLE = "[Message content unavailable]"

Participants = Callable[[str], Awaitable[Sequence[str]]]
"""Who is in a conversation, by users.id: the participants endpoint."""


class Reconnecting(ChatStore):
    """Comes back after any close, with the same token for ever, and then sends `auth` and nothing else."""

    _attempts: int = 0

    def opened(self, socket: BrowserSocket) -> None:
        """Count from the beginning again."""
        self._attempts = 0
        super().opened(socket)

    def closed(self, socket: BrowserSocket) -> None:
        """Try again after 1, 2, 4, 8 and 16 s, whoever closed it: disconnect() does not prevent it."""
        super().closed(socket)
        if self._attempts < ATTEMPTS:
            self.page.timers.set(2.0**self._attempts, self._come_back)
            self._attempts += 1

    def _come_back(self) -> None:
        assert self.token is not None
        self.page.spawn(self.connect(self.token))


class PlainSender(Reconnecting):
    """Sends text as it is typed."""

    async def send_message(
        self, conversation_id: str, text: str, message_type: str = "text", reply_to: str | None = None
    ) -> Returned:
        """Send; the message is returned and not added to the list: it comes back as a broadcast."""
        payload: Json = {"conversationId": conversation_id, "content": text, "messageType": message_type}
        if reply_to is not None:
            payload["replyToId"] = reply_to
        try:
            answer = await self.request("send_message", payload)
        except RequestFailed as failure:
            self.failures.append(failure)
            return Returned(success=False, error="Failed to send message")
        return Returned(success=True, result=answer["payload"]["message"])


class W1(PlainSender):
    """The first WebSocket client: asks no path, drops null request ids, and joining loads the messages, too."""

    validator: ClassVar[Validator] = envelopes.OF_W1
    path: ClassVar[str] = ""

    async def join_conversation(self, conversation_id: str) -> None:
        """Enter the room and read it."""
        await super().join_conversation(conversation_id)
        await self.load_messages(conversation_id)

    async def select(self, conversation_id: str) -> None:
        """Click on a conversation: the sidebar joins, then the list; each of them loads."""
        for _ in ("the sidebar", "the list"):
            await self.join_conversation(conversation_id)


class W2(PlainSender):
    """The plain-text client at /ws, which takes null request ids."""

    validator: ClassVar[Validator] = envelopes.OF_W2
    path: ClassVar[str] = "/ws"


class W3(ChatStore):
    """The client of sealed copies, last state: it never comes back, and two errors of it nobody catches."""

    validator: ClassVar[Validator] = envelopes.OF_W3
    path: ClassVar[str] = "/ws"

    def __init__(self, page: Page, server: str, keys: Keys, participants: Participants) -> None:
        super().__init__(page, server)
        self._keys = keys
        self._participants = participants

    async def log_in(self, socket: BrowserSocket) -> None:
        """Fetch the keys first, then authenticate, then call a function that does not exist."""
        await self._keys.initialise()
        await super().log_in(socket)
        self.page.uncaught.append("ReferenceError: after auth")

    def closed(self, socket: BrowserSocket) -> None:
        """Fail before anything is noted: the page goes on saying that it is connected."""
        self.page.uncaught.append("ReferenceError: on close")

    async def send_message(
        self,
        conversation_id: str,
        text: str,
        message_type: str = "text",
        metadata: Json | None = None,
        reply_to: str | None = None,
    ) -> Returned:
        """Seal a copy for everybody that the participants endpoint names, and send them."""
        recipients = await self._participants(conversation_id)
        payload: Json = {
            "conversationId": conversation_id,
            "encryptedContents": {user_id: self._keys.seal(text, user_id) for user_id in recipients},
            "messageType": message_type,
        }
        if metadata is not None:
            payload["metadata"] = metadata
        if reply_to is not None:
            payload["replyToId"] = reply_to
        try:
            answer = await self.request("send_message", payload)
        except RequestFailed as failure:
            self.failures.append(failure)
            return Returned(success=False, error="Failed to send message")
        return Returned(success=True, result=self._opened(answer["payload"]["message"], text))

    def read_messages(self, messages: list[Json]) -> list[Json]:
        """Open each."""
        return [self._opened(message, CONTENT_UNAVAILABLE) for message in messages]

    def message_received(self, payload: Json) -> None:
        """Open what came, unless told to load it instead."""
        message = payload["message"]
        if not payload.get("shouldReloadMessages"):
            self.append(self._opened(message, CONTENT_UNAVAILABLE))
        elif message["conversation_id"] == self.state.active:
            self.page.spawn(self.load_messages(message["conversation_id"]))
        else:
            self.page.spawn(self.load_conversations())

    def _opened(self, message: Json, otherwise: str) -> Json:
        try:
            content = self._keys.open(message["encrypted_content"])
        except NotForUs:
            content = otherwise
        return {**message, "encrypted_content": content}
