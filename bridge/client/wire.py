"""The wire client: requests with replies, and pushes, over one connection (contract ws-protocol)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, Self

import structlog
from msgspec import Raw
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from bridge.client import frames
from bridge.client.connection import ClientLimits, how_it_ended, open_connection
from bridge.client.errors import ConnectionLost, RequestTimedOut
from bridge.client.frames import (
    Authenticated,
    BrokenFrame,
    Credentials,
    Frame,
    GroupCreated,
    GroupJoined,
    InConversation,
    InviteCode,
    MessagesLoaded,
    NewConversation,
    NewGroup,
    Nothing,
    accepted,
    decode_frame,
    decode_push,
    encode_request,
)
from bridge.client.pushes import PushBuffer
from bridge.clock import Clock, SystemClock
from bridge.ids import fresh_id
from bridge.rows import ConversationRow, GroupRow, MadeConversationRow, MessageRow

RESUME: Final = ("resume",)
"""What this client can do beyond the old ones."""

log = structlog.get_logger(__name__)


class WireClient:
    """One connection to a bridge; any number of requests may be on their way at once."""

    def __init__(self, connection: ClientConnection, limits: ClientLimits, clock: Clock) -> None:
        self._connection = connection
        self._limits = limits
        self._clock = clock
        self._waiting: dict[str, asyncio.Future[Frame | ConnectionLost]] = {}
        self._pushes = PushBuffer(limits.max_waiting_pushes)
        self._lost: ConnectionLost | None = None
        # Replies are recognised by their id's beginning, so that one that comes too late is never taken for a push.
        self._id_prefix = f"{fresh_id()}/"
        self._requests = 0

    @classmethod
    @asynccontextmanager
    async def connect(
        cls,
        url: str,
        *,
        limits: ClientLimits | None = None,
        headers: Mapping[str, str] | None = None,
        clock: Clock | None = None,
    ) -> AsyncIterator[Self]:
        """Open a connection and close it at the end of the block; nothing is sent, no token either.

        Raises:
            Unreachable: nobody answers there, or not with a WebSocket.

        """
        limits = limits or ClientLimits()
        client = cls(await open_connection(url, limits, headers), limits, clock or SystemClock())
        # Owned here: awaited below, whatever happens in the block.
        reader = asyncio.create_task(client._read(), name="wire client reader")  # noqa: TID251  # owned by this block
        try:
            yield client
        finally:
            client._end(ConnectionLost("this client closed the connection"), quietly=True)
            await client._connection.close()
            await reader

    async def request(self, action: str, payload: object, *, timeout_seconds: float | None = None) -> Raw:
        """Send a command and return the payload of its reply.

        Raises:
            RequestRefused: the server answered with an error.
            RequestTimedOut: no answer in time; whether it was carried out is unknown.
            ConnectionLost: there is no connection (any more); a request on its way may have been carried out.

        """
        return (await self._exchange(action, payload, timeout_seconds)).payload

    def pushes(self) -> PushBuffer:
        """Return the iterator over what the server sends unasked."""
        return self._pushes

    @property
    def cursor(self) -> str | None:
        """Return what to show when coming back on another connection: it stands for everything read so far."""
        return self._pushes.cursor

    async def authenticate(
        self, token: str, *, capabilities: Sequence[str] = RESUME, cursor: str | None = None
    ) -> Authenticated:
        """Become the user of this token; repeatable on an open connection, which is how a token is renewed.

        With the cursor of an earlier connection the answer says whether everything missed since follows as pushes.
        """
        credentials = Credentials(token, capabilities, cursor)
        welcome = frames.AUTHENTICATED.read("auth", await self._exchange("auth", credentials))
        if self._pushes.cursor is None:
            self._pushes.cursor = welcome.cursor
        return welcome

    async def load_conversations(self) -> tuple[ConversationRow, ...]:
        """List one's conversations, newest activity first."""
        reply = await self._exchange("load_conversations", Nothing())
        return frames.CONVERSATIONS.read("load_conversations", reply).conversations

    async def join_conversation(self, conversation_id: str) -> None:
        """Open a conversation on this connection."""
        reply = await self._exchange("join_conversation", InConversation(conversation_id))
        frames.JOINED.read("join_conversation", reply)

    async def leave_conversation(self, conversation_id: str) -> None:
        """Close a conversation on this connection; membership stays."""
        reply = await self._exchange("leave_conversation", InConversation(conversation_id))
        frames.LEFT.read("leave_conversation", reply)

    async def create_conversation(
        self, kind: str, participant_ids: Sequence[str], *, name: str | None = None, group_id: str | None = None
    ) -> MadeConversationRow:
        """Make a conversation of a kind (direct, group, room) with these people, or find the direct one there is."""
        new = NewConversation(kind, participant_ids, name, group_id)
        return frames.CREATED.read("create_conversation", await self._exchange("create_conversation", new)).conversation

    async def create_group(self, name: str, *, description: str | None = None, is_public: bool = False) -> GroupCreated:
        """Make a group with a first room; the reply has the code by which others join."""
        reply = await self._exchange("create_group", NewGroup(name, description, is_public))
        return frames.GROUP_CREATED.read("create_group", reply)

    async def join_group(self, invite_code: str) -> GroupJoined:
        """Come into a group and its rooms."""
        return frames.GROUP_JOINED.read("join_group", await self._exchange("join_group", InviteCode(invite_code)))

    async def load_groups(self) -> tuple[GroupRow, ...]:
        """List one's groups, latest activity first."""
        return frames.GROUPS.read("load_groups", await self._exchange("load_groups", Nothing())).groups

    async def send_message(
        self,
        conversation_id: str,
        content: str,
        *,
        message_type: str = "text",
        reply_to_id: str | None = None,
        metadata: Mapping[str, object] | None = None,
        client_message_id: str | None = None,
    ) -> MessageRow:
        """Write a message; repeated with the same `client_message_id` it is the same message, not a second one."""
        sending = InConversation(
            conversation_id,
            content=content,
            message_type=message_type,
            reply_to_id=reply_to_id,
            metadata=metadata,
            client_message_id=client_message_id,
        )
        return frames.SENT.read("send_message", await self._exchange("send_message", sending)).message

    async def load_messages(self, conversation_id: str, *, limit: int | None = None) -> MessagesLoaded:
        """Read the newest messages, oldest first."""
        reply = await self._exchange("load_messages", InConversation(conversation_id, limit=limit))
        return frames.MESSAGES.read("load_messages", reply)

    async def load_more_messages(
        self, conversation_id: str, before_message_id: str, *, limit: int | None = None
    ) -> MessagesLoaded:
        """Read the messages before one that is known, oldest first."""
        older = InConversation(conversation_id, before_message_id=before_message_id, limit=limit)
        return frames.MESSAGES.read("load_more_messages", await self._exchange("load_more_messages", older))

    async def ping(self) -> None:
        """Wait until the server has answered; works before authentication too."""
        frames.PONG.read("ping", await self._exchange("ping", Nothing()))

    async def _exchange(self, action: str, payload: object, timeout_seconds: float | None = None) -> Frame:
        if self._lost is not None:
            raise self._lost.again()
        seconds = self._limits.request_timeout_seconds if timeout_seconds is None else timeout_seconds
        self._requests += 1
        request_id = f"{self._id_prefix}{self._requests}"
        text = encode_request(action, payload, request_id, self._clock.now())
        answer: asyncio.Future[Frame | ConnectionLost] = asyncio.get_running_loop().create_future()
        self._waiting[request_id] = answer
        try:
            async with asyncio.timeout(seconds):
                await self._send(text)
                settled = await answer
        except TimeoutError as error:
            raise RequestTimedOut(action, seconds) from error
        finally:
            del self._waiting[request_id]
        if isinstance(settled, ConnectionLost):
            raise settled
        return accepted(action, settled)

    async def _send(self, text: str) -> None:
        try:
            await self._connection.send(text)
        except ConnectionClosed as error:
            raise how_it_ended(error) from error

    async def _read(self) -> None:
        """Sort what arrives until the connection ends: the only reader there is."""
        try:
            while True:
                self._take(await self._connection.recv())
        except ConnectionClosed as error:
            self._end(how_it_ended(error))
        except BrokenFrame as error:
            log.warning("client.broken_frame", cause=str(error))
            self._end(ConnectionLost(str(error)))
            await self._connection.close(1002, "not the chat protocol")
        finally:
            self._end(ConnectionLost("the reader of this client failed"))

    def _take(self, text: str | bytes) -> None:
        """Hand what arrived to whoever waits for it."""
        frame = decode_frame(text)
        request_id = frame.requestId or ""
        if not request_id.startswith(self._id_prefix):
            self._pushes.put(decode_push(frame), frame.requestId)
        elif (answer := self._waiting.get(request_id)) is None or answer.done():
            log.info("client.late_reply", type=frame.type, request_id=request_id)
        else:
            answer.set_result(frame)

    def _end(self, cause: ConnectionLost, *, quietly: bool = False) -> None:
        """Settle everything that waits, at once; the first cause counts."""
        if self._lost is not None:
            return
        self._lost = cause
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(cause.again())
        self._pushes.end(None if quietly else cause)
