"""The tables in memory, for unit tests: the same promises as the real adapter, without a database."""

from __future__ import annotations

from bridge.schema import DB_1
from bridge.store.memory.accounts import MemoryAccounts
from bridge.store.memory.change_log import MemoryChangeLog
from bridge.store.memory.conversations import MemoryConversations
from bridge.store.memory.copies import MemoryCopies
from bridge.store.memory.groups import MemoryGroups
from bridge.store.memory.messages import MemoryMessages
from bridge.store.memory.participants import MemoryParticipants
from bridge.store.memory.presence import MemoryPresence
from bridge.store.memory.receipts import MemoryReceipts
from bridge.store.memory.tables import Tables
from bridge.store.memory.traits import MemoryTraits
from bridge.store.memory.typing import MemoryTyping
from bridge.store.memory.usage import MemoryUsage
from bridge.store.memory.users import MemoryUsers


class MemoryStore(Tables):
    """The nouns of the port over dicts."""

    def __init__(self) -> None:
        super().__init__()
        self.schema = DB_1
        self.users = MemoryUsers(self)
        self.accounts = MemoryAccounts(self)
        self.conversations = MemoryConversations(self)
        self.traits = MemoryTraits(self)
        self.participants = MemoryParticipants(self)
        self.messages = MemoryMessages(self)
        self.copies = MemoryCopies(self)
        self.groups = MemoryGroups(self)
        self.receipts = MemoryReceipts(self)
        self.typing = MemoryTyping(self)
        self.presence = MemoryPresence(self)
        self.change_log = MemoryChangeLog(self)
        self.usage = MemoryUsage(available=False)

    async def check(self) -> None:
        """Fail if `failing` is set."""
        self.note("check")

    async def close(self) -> None:
        """Keep everything."""
