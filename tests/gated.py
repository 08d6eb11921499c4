"""The memory store with a doorkeeper: questions wait, fail, or are overtaken by events, as a test says.

Races are tested by putting them on stage, never by sleeping.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable
from typing import cast

from bridge.schema import Schema
from bridge.store.change_log import ChangeLog
from bridge.store.conversations import ConversationStore, ParticipantStore, TraitStore
from bridge.store.groups import GroupStore
from bridge.store.memory import MemoryStore
from bridge.store.messages import CopyStore, MessageStore, ReceiptStore
from bridge.store.people import AccountStore, UserStore
from bridge.store.presence import PresenceStore, TypingStore
from bridge.usage import UsageStore

Step = Callable[[], Awaitable[None]]


class Gate:
    """Where one question waits until the test opens it."""

    def __init__(self) -> None:
        self._reached = asyncio.Event()
        self._opened = asyncio.Event()

    async def __call__(self) -> None:
        """Let the test know and wait."""
        self._reached.set()
        await self._opened.wait()

    async def reached(self) -> None:
        """Wait until the question is here."""
        await self._reached.wait()

    def open(self) -> None:
        """Let the question pass."""
        self._opened.set()


class Doorkeeper:
    """What happens to questions, by name ("messages.insert")."""

    def __init__(self) -> None:
        self.failing: dict[str, Exception] = {}
        self._before: defaultdict[str, deque[Step]] = defaultdict(deque)
        self._after: defaultdict[str, deque[Step]] = defaultdict(deque)

    def hold(self, question: str) -> Gate:
        """Keep the next such question from reaching the tables."""
        gate = Gate()
        self._before[question].append(gate)
        return gate

    def hold_answer(self, question: str) -> Gate:
        """Keep the answer to the next such question back: the tables have done it, nobody knows yet."""
        gate = Gate()
        self._after[question].append(gate)
        return gate

    def fail_next(self, question: str, error: Exception) -> None:
        """Let the next such question fail without reaching the tables."""

        async def step() -> None:
            raise error

        self._before[question].append(step)

    def meanwhile(self, question: str, action: Callable[[], object]) -> None:
        """Let something happen between the next such question's answer and its arrival."""

        async def step() -> None:
            action()

        self._after[question].append(step)

    async def ask(self, question: str, ask: Callable[[], Awaitable[object]]) -> object:
        """Ask, with whatever the test wants around it."""
        if self._before[question]:
            await self._before[question].popleft()()
        if question in self.failing:
            raise self.failing[question]
        answer = await ask()
        if self._after[question]:
            await self._after[question].popleft()()
        return answer


class _Noun:
    def __init__(self, name: str, inner: object, door: Doorkeeper) -> None:
        self._name = name
        self._inner = inner
        self._door = door

    def __getattr__(self, method: str) -> object:
        inner = getattr(self._inner, method)
        if not callable(inner):
            return inner

        async def ask(*args: object, **kwargs: object) -> object:
            return await self._door.ask(f"{self._name}.{method}", lambda: inner(*args, **kwargs))

        return ask


class GatedStore:
    """A Store over `tables`, every question of which passes the `door`."""

    def __init__(self, tables: MemoryStore | None = None) -> None:
        self.tables = tables or MemoryStore()
        self.door = Doorkeeper()
        self.users = cast("UserStore", _Noun("users", self.tables.users, self.door))
        self.conversations = cast("ConversationStore", _Noun("conversations", self.tables.conversations, self.door))
        self.traits = cast("TraitStore", _Noun("traits", self.tables.traits, self.door))
        self.participants = cast("ParticipantStore", _Noun("participants", self.tables.participants, self.door))
        self.accounts = cast("AccountStore", _Noun("accounts", self.tables.accounts, self.door))
        self.messages = cast("MessageStore", _Noun("messages", self.tables.messages, self.door))
        self.copies = cast("CopyStore", _Noun("copies", self.tables.copies, self.door))
        self.receipts = cast("ReceiptStore", _Noun("receipts", self.tables.receipts, self.door))
        self.groups = cast("GroupStore", _Noun("groups", self.tables.groups, self.door))
        self.typing = cast("TypingStore", _Noun("typing", self.tables.typing, self.door))
        self.presence = cast("PresenceStore", _Noun("presence", self.tables.presence, self.door))
        self.change_log = cast("ChangeLog", _Noun("change_log", self.tables.change_log, self.door))
        self.usage = cast("UsageStore", _Noun("usage", self.tables.usage, self.door))

    @property
    def schema(self) -> Schema:
        """See the port."""
        return self.tables.schema

    async def check(self) -> None:
        """See the port."""
        await self.tables.check()

    async def close(self) -> None:
        """See the port."""
        await self.tables.close()

    def asked(self, question: str) -> int:
        """Return how often the tables were asked this."""
        return self.tables.asked.count(question)
