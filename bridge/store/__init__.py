"""The port to the tables: thirteen nouns, each with the few questions the bridge asks.

Every method raises StoreRefused or StoreDown and nothing else, but for those of `usage`. Adapters are made by the
composition roots only; tests/contract holds for each of them.
"""

from __future__ import annotations

from typing import Protocol

from bridge.schema import Schema
from bridge.store.change_log import ChangeLog
from bridge.store.conversations import ConversationStore, ParticipantStore, TraitStore
from bridge.store.groups import GroupStore
from bridge.store.messages import CopyStore, MessageStore, ReceiptStore
from bridge.store.people import AccountStore, UserStore
from bridge.store.presence import PresenceStore, TypingStore
from bridge.usage import UsageStore


class Store(Protocol):
    """The tables."""

    @property
    def users(self) -> UserStore:
        """People."""
        ...

    @property
    def conversations(self) -> ConversationStore:
        """Conversations and participants."""
        ...

    @property
    def traits(self) -> TraitStore:
        """What conversations are like."""
        ...

    @property
    def participants(self) -> ParticipantStore:
        """Participants as people see them."""
        ...

    @property
    def accounts(self) -> AccountStore:
        """What people choose for themselves."""
        ...

    @property
    def messages(self) -> MessageStore:
        """Messages."""
        ...

    @property
    def copies(self) -> CopyStore:
        """Sealed copies."""
        ...

    @property
    def receipts(self) -> ReceiptStore:
        """Who has read what."""
        ...

    @property
    def groups(self) -> GroupStore:
        """Groups and their members."""
        ...

    @property
    def typing(self) -> TypingStore:
        """Typing rows."""
        ...

    @property
    def presence(self) -> PresenceStore:
        """Presence rows."""
        ...

    @property
    def change_log(self) -> ChangeLog:
        """What the database has recorded by itself, if it has that."""
        ...

    @property
    def usage(self) -> UsageStore:
        """What bridges have counted, if the database has room for it."""
        ...

    @property
    def schema(self) -> Schema:
        """Return which generation of the schema the last `check` has found."""
        ...

    async def check(self) -> None:
        """Find out whether address and key work and which generation of the schema this is; may be repeated.

        Raises SchemaUnusable where tables or columns that the bridge needs are missing.
        """
        ...

    async def close(self) -> None:
        """Give back connections; called once."""
        ...
