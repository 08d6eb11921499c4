"""Joins the chat's state to the wire and to a screen: does what the state asks, tells it what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from typing import Protocol

from bridge.chat.effects import Effect, LoadList, LoadNewest, LoadOlder, LogInAgain, Quit, Send, Show
from bridge.chat.lines import Line
from bridge.chat.state import Chat
from bridge.chat.view import PAGE
from bridge.client import (
    ClientError,
    ConnectionLost,
    LinkEvent,
    MessageReceived,
    MessagesLoaded,
    Offline,
    Online,
    Reconnecting,
    Refused,
    WireClient,
)
from bridge.clock import Clock
from bridge.rows import MessageRow

Load = LoadList | LoadNewest | LoadOlder
MAX_WAITING_LOADS = 50


class Screen(Protocol):
    """Where lines go."""

    def show(self, lines: Sequence[Line]) -> None:
        """Show lines below those shown before."""
        ...

    def refresh(self) -> None:
        """Look again at the chat's prompt and toolbar."""
        ...


class Shell:
    """One run of the chat."""

    def __init__(
        self, chat: Chat, screen: Screen, link: Callable[[Callable[[LinkEvent], None]], Reconnecting], clock: Clock
    ) -> None:
        self._chat = chat
        self._screen = screen
        self._link = link(self._hear)
        self._clock = clock
        self._sends: asyncio.Queue[Send] = asyncio.Queue()  # bounded by the state: Outgoing
        self._loads: asyncio.Queue[Load] = asyncio.Queue(MAX_WAITING_LOADS)
        self._begun = asyncio.Event()
        self._end: asyncio.Future[Quit] = asyncio.get_running_loop().create_future()

    async def run(self, lines: Callable[[Shell], AsyncIterator[str]]) -> int:
        """Talk until the reader leaves; return the exit status."""
        async with asyncio.TaskGroup() as group:
            work = (self._link.run(), self._send_all(), self._load_all(), self._read(lines(self)))
            tasks = [group.create_task(one) for one in work]
            end = await self._end
            for task in tasks:
                task.cancel()
        if end.lines:
            self._screen.show(end.lines)  # only now: a prompt that goes would take them along
        return end.status

    async def begun(self) -> None:
        """Wait for the first list of conversations; there is nothing to talk to before."""
        await self._begun.wait()
        await self.settled()

    async def settled(self) -> None:
        """Wait until everything asked for is answered."""
        await self._sends.join()
        await self._loads.join()

    async def _read(self, lines: AsyncIterator[str]) -> None:
        async for line in lines:
            self._perform(self._chat.typed(line))
        self._perform(self._chat.leave())

    def _hear(self, event: LinkEvent) -> None:
        match event:
            case MessageReceived(message):
                self._perform(self._chat.arrived(message))
            case Online(user):
                self._perform(self._chat.online(user))
            case Offline(reason, seconds):
                self._perform(self._chat.offline(reason, self._clock.monotonic() + seconds))
            case Refused(reason):
                self._perform(self._chat.refused(reason))
            case _:
                return  # a push of a later protocol version

    def _perform(self, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Show(lines):
                    self._screen.show(lines)
                case Send():
                    self._sends.put_nowait(effect)
                case LogInAgain():
                    self._link.try_now()
                case Quit():
                    self._leave(effect)
                case _:
                    self._enqueue(effect)
        self._screen.refresh()

    def _leave(self, end: Quit) -> None:
        if not self._end.done():
            self._end.set_result(end)

    def _enqueue(self, load: Load) -> None:
        try:
            self._loads.put_nowait(load)
        except asyncio.QueueFull:  # quiet: the person is told
            self._perform(self._chat.not_loaded(load, "the server is still busy with what was asked", is_lost=False))

    async def _send_all(self) -> None:
        """Send one after the other: what is repeated after a loss must not be overtaken."""
        while True:
            send = await self._sends.get()
            try:
                message = await self._link.insist(partial(_send, send))
            except ClientError as error:
                self._perform(self._chat.not_sent(send, str(error)))
            else:
                self._perform(self._chat.sent(send, message))
            finally:
                self._sends.task_done()

    async def _load_all(self) -> None:
        while True:
            load = await self._loads.get()
            try:
                self._perform(await self._load(load))
            except ConnectionLost as error:
                self._perform(self._chat.not_loaded(load, str(error), is_lost=True))
                continue  # it is asked again at the next connection
            except ClientError as error:
                self._perform(self._chat.not_loaded(load, str(error), is_lost=False))
            finally:
                self._loads.task_done()
            if isinstance(load, LoadList):
                self._begun.set()

    async def _load(self, load: Load) -> list[Effect]:
        match load:
            case LoadList():
                return self._chat.listed(await self._link.call(WireClient.load_conversations))
            case LoadNewest(conversation_id):
                page = await self._link.call(partial(_join_and_load, conversation_id))
                return self._chat.newest(conversation_id, page)
            case LoadOlder(conversation_id, before_id):
                page = await self._link.call(partial(_load_older, conversation_id, before_id))
                return self._chat.older(conversation_id, page)


async def _send(send: Send, client: WireClient) -> MessageRow:
    return await client.send_message(
        send.conversation_id, send.content, reply_to_id=send.reply_to_id, client_message_id=send.key
    )


async def _join_and_load(conversation_id: str, client: WireClient) -> MessagesLoaded:
    await client.join_conversation(conversation_id)
    return await client.load_messages(conversation_id, limit=PAGE)


async def _load_older(conversation_id: str, before_id: str, client: WireClient) -> MessagesLoaded:
    return await client.load_more_messages(conversation_id, before_id, limit=PAGE)
