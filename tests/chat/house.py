"""A small house that answers like a bridge: two conversations, one of them with messages."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial

from bridge.chat.shell import Screen, Shell
from bridge.chat.state import Chat, Reader
from bridge.client import LinkEvent, Reconnecting, Rhythm, WireClient
from bridge.clock import SystemClock
from bridge.ids import fresh_id
from bridge.rows import MessageRow
from tests.chat.rows import conversation, message
from tests.client.scripted import Peer, Sent

ROWS = (conversation("c1", "Weekend", unread=1), conversation("c2", "Work"))
IMPATIENT = Rhythm(first_pause_seconds=0.0, longest_pause_seconds=0.0)


class House:
    """Answers every action; remembers what was said."""

    def __init__(self) -> None:
        self.said: list[Sent] = []
        self.dropped_on: set[str] = set()
        """Actions at which the connection breaks, each once."""
        self.refusals: dict[str, tuple[str, str]] = {}
        self.pushes: list[MessageRow] = []

    async def __call__(self, peer: Peer) -> None:
        """Serve one connection."""
        await peer.accept_login()
        while True:
            command = await peer.command()
            if command.type == "send_message":
                self.said.append(command)
            if command.type in self.dropped_on:
                self.dropped_on.remove(command.type)
                peer.drop()
            elif command.type in self.refusals:
                await peer.refuse(command, *self.refusals[command.type])
            elif command.type == "send_message":
                await self._take(peer, command)
            else:
                await peer.reply(command, *_answer(command))
            if command.type == "load_messages":
                await self._push(peer)

    async def _push(self, peer: Peer) -> None:
        await peer.send("user_online", {"userId": "u"}, "fresh")
        for one in self.pushes:
            await peer.push(one)

    async def _take(self, peer: Peer, command: Sent) -> None:
        written = message(len(self.said) + 1, content=str(command.payload["content"]), sender="bob")
        await peer.reply(command, "message_sent", {"message": written})
        await peer.push(written)


def _answer(command: Sent) -> tuple[str, object]:
    match command.type:
        case "load_conversations":
            return "conversations_loaded", {"conversations": ROWS}
        case "join_conversation":
            return "conversation_joined", command.payload
        case "load_messages":
            return "messages_loaded", {"messages": [message(1)], "conversationId": "c1", "hasMore": True}
        case "load_more_messages":
            return "messages_loaded", {"messages": [message(0)], "conversationId": "c1", "hasMore": False}
        case other:
            raise AssertionError(other)


def shell_at(url: str, screen: Screen, *, is_present: bool = True, token: str = "token") -> tuple[Chat, Shell]:
    """Return a chat joined to a house."""
    chat = Chat(Reader(fresh_key=fresh_id, is_present=is_present))
    return chat, Shell(chat, screen, partial(_link, url, token), SystemClock())


def _link(url: str, token: str, listener: Callable[[LinkEvent], None]) -> Reconnecting:
    return Reconnecting(lambda: WireClient.connect(url), lambda: token, listener, rhythm=IMPATIENT)


async def typed(lines: Sequence[str]) -> AsyncIterator[str]:
    """Give lines one by one."""
    for line in lines:
        yield line
