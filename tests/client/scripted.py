"""A server that follows a script: the other end of the wire in tests of the client."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from msgspec import Struct
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bridge.rows import ConversationRow, MessageRow, SenderRow, UserRow

TIMESTAMP = "2026-01-01T00:00:00.000Z"
BOB = UserRow(id="u-bob", auth_user_id="a-bob", email="", phone="+1", username="bob", display_name="Bob")


class Sent(Struct, frozen=True):
    """A command as the server sees it."""

    type: str
    payload: dict[str, object]
    requestId: str  # noqa: N815  # the wire's own name
    timestamp: str


class Peer:
    """One client's connection, from the server's side."""

    def __init__(self, connection: ServerConnection) -> None:
        self.connection = connection

    async def command(self, expected: str | None = None) -> Sent:
        """Return the next command, which must be of this type."""
        sent = msgspec.json.decode(await self.connection.recv(), type=Sent)
        assert expected is None or sent.type == expected
        return sent

    async def send(self, frame_type: str, payload: object, request_id: str | None) -> None:
        """Send one envelope."""
        envelope = {"type": frame_type, "payload": payload, "requestId": request_id, "timestamp": TIMESTAMP}
        await self.connection.send(msgspec.json.encode(envelope).decode())

    async def reply(self, command: Sent, reply_type: str, payload: object) -> None:
        """Answer a command."""
        await self.send(reply_type, payload, command.requestId)

    async def refuse(self, command: Sent, code: str, text: str) -> None:
        """Answer a command with an error."""
        await self.reply(command, "error", {"error": text, "code": code, "requestId": command.requestId})

    async def push(self, message: MessageRow, request_id: str | None = "11111111-1111-4111-8111-111111111111") -> None:
        """Send message_received."""
        await self.send("message_received", {"message": message}, request_id)

    async def raw(self, frame: str | bytes) -> None:
        """Send anything."""
        await self.connection.send(frame)

    async def accept_login(self, user: UserRow = BOB) -> Sent:
        """Answer auth."""
        command = await self.command("auth")
        await self.reply(command, "auth_success", {"user": user})
        return command

    async def until_closed(self) -> None:
        """Wait until the client leaves."""
        await self.connection.wait_closed()

    def drop(self) -> None:
        """Cut the connection as a broken network does."""
        self.connection.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


@dataclass
class ScriptedServer:
    """Where the server is, and what went wrong in its scripts."""

    url: str
    failures: list[BaseException] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def scripted(*scripts: Script) -> AsyncIterator[ScriptedServer]:
    """Serve the first connection with the first script, and so on, the last one for all that follow."""
    state = ScriptedServer("")

    async def handle(connection: ServerConnection) -> None:
        script = scripts[min(state.connections, len(scripts) - 1)]
        state.connections += 1
        try:
            await script(Peer(connection))
        except ConnectionClosed:
            return  # a client may leave in the middle of any script
        except Exception as error:  # noqa: BLE001  # kept for the test, which raises it
            state.failures.append(error)

    async with serve(handle, "127.0.0.1", 0, compression=None) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        state.url = f"ws://127.0.0.1:{port}/ws"
        yield state
    if state.failures:
        raise state.failures[0]


def message(number: int, *, content: str = "hello", conversation: str = "c1", sender: str = "alice") -> MessageRow:
    """Return a message row."""
    return MessageRow(
        id=f"m{number}",
        conversation_id=conversation,
        sender_id=f"u-{sender}",
        reply_to_id=None,
        message_type="text",
        encrypted_content=content,
        content_hash=None,
        metadata={},
        edited_at=None,
        deleted_at=None,
        created_at=f"2026-01-01T10:{number % 60:02d}:00+00:00",
        expires_at=None,
        sender=SenderRow(f"u-{sender}", sender, sender.capitalize(), None),
    )


def conversation(identifier: str, name: str, *, unread: int = 0) -> ConversationRow:
    """Return a line of the conversation list."""
    return ConversationRow(
        conversation_id=identifier,
        conversation_type="group",
        conversation_name=name,
        conversation_avatar_url=None,
        group_id=None,
        group_name=None,
        participant_count=2,
        latest_message_id=None,
        latest_message_content=None,
        latest_message_sender_id=None,
        latest_message_sender_username=None,
        latest_message_created_at=None,
        unread_count=unread,
        id=identifier,
        type="group",
        name=name,
        avatar_url=None,
        last_message_content=None,
        last_message_sender_username=None,
        last_message_at=None,
    )


def as_wire(value: object) -> object:
    """Return what a struct looks like once it has been on the wire."""
    return json.loads(msgspec.json.encode(value))


async def eventually(condition: Callable[[], bool]) -> None:
    """Let the loop turn until a condition holds; the deadline is only for a broken program."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110  # the condition is any state, not an event
            await asyncio.sleep(0)


def token_until(end: datetime) -> str:
    """Return a token that says when it ends."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": end.timestamp()}).encode()).decode().rstrip("=")
    return f"header.{claims}.signature"
