"""The ports to conversations: who is in them, what they are like, and participants as people see them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bridge.models import (
    Conversation,
    ConversationId,
    ConversationSummary,
    Identity,
    Member,
    NewConversation,
    OwnTimer,
    Participant,
    UserId,
)


class ConversationStore(Protocol):
    """Conversations and who is in them."""

    async def participants(self, conversation_id: ConversationId) -> Sequence[Participant]:
        """Return all participant rows, those who left included; empty for an unknown conversation."""
        ...

    async def summaries(self, identity: Identity, now: datetime) -> Sequence[ConversationSummary]:
        """Return the conversations with an active row of this identity set, newest activity first.

        Deleted messages and those expired at `now` are neither the latest nor unread. Unread are the messages of others
        after the newest that the reader has read or written, within the bounds of `bridge.store.unread`.
        """
        ...

    async def summary(
        self, identity: Identity, conversation_id: ConversationId, now: datetime
    ) -> ConversationSummary | None:
        """Return this conversation's line of `summaries`; None if it has none."""
        ...

    async def directs_between(self, mine: Collection[str], theirs: Collection[str]) -> Sequence[Conversation]:
        """Return the direct conversations in which these two, by any of their ids, and nobody else are active.

        Oldest first. What `left_at` says about others does not matter.
        """
        ...

    async def companions(self, people: Collection[str]) -> Mapping[ConversationId, frozenset[UserId]]:
        """Return the conversations with an active row of any of these ids, each with all its active members."""
        ...

    async def damaged_directs_between(self, mine: Collection[str], theirs: Collection[str]) -> Sequence[Conversation]:
        """Return the direct conversations that are certainly of these two though one of them has no row in it.

        The other one is active in it, and nobody else is or was. Certain is that the missing one made it, or that
        nobody is said to have made it and the missing one has written in it; never if a third person has written in
        it (contract data-model section 6, rule 7). Oldest first.
        """
        ...

    async def insert(self, conversation: NewConversation) -> Conversation:
        """Write a conversation once and return the row; a repeat of the same id returns the row already there.

        The repeat also touches that row's updated_at, so that whoever wrote it first can no longer withdraw it.
        """
        ...

    async def withdraw(self, conversation: NewConversation) -> bool:
        """Delete what `insert` wrote, participants and all, unless the row has been touched since.

        Returns whether a row was deleted; one that somebody else inserted is left alone. For undoing.
        """
        ...

    async def admit(self, conversation_id: ConversationId, roles: Mapping[UserId, str]) -> None:
        """Make all of them active members, or none: former ones again, active ones keep their role.

        Rows that a trigger of the app has written meanwhile are fine (contract F3). Raises StoreRefused for a user or
        a conversation that does not exist.
        """
        ...

    async def put_back(self, conversation_id: ConversationId, user_id: UserId, left_at: datetime | None) -> None:
        """Make somebody a former member who left then, or with None one who never was: for undoing `admit`."""
        ...


class TraitStore(Protocol):
    """What a conversation itself is like: its row."""

    async def of(self, conversation_id: ConversationId) -> Conversation | None:
        """Return the row; None if there is none."""
        ...

    async def make_group(self, conversation_id: ConversationId, name: str) -> Conversation | None:
        """Make a direct conversation a group of this name and return the row; one that is not direct stays as it is."""
        ...

    async def make_direct(self, conversation_id: ConversationId, name: str | None) -> None:
        """Make a group a direct conversation of this name: for undoing `make_group`."""
        ...

    async def set_timer(self, conversation_id: ConversationId, days: int | None) -> Conversation | None:
        """Let messages disappear after so many days, with None never by itself, and return the row if there is one."""
        ...


class ParticipantStore(Protocol):
    """Participant rows as people see them."""

    @property
    def has_timers(self) -> bool:
        """Tell whether a participant can have a timer of its own in this database."""
        ...

    async def active(self, conversation_id: ConversationId) -> Sequence[Member]:
        """Return the active participants, by joined_at."""
        ...

    async def timer(self, conversation_id: ConversationId, identity: Identity) -> OwnTimer | None:
        """Return the timer in the identity's active row; None without such a row, or where rows have no timers."""
        ...

    async def set_timer(self, conversation_id: ConversationId, identity: Identity, timer: OwnTimer) -> bool:
        """Write the timer into the identity's active row, and say whether there was one.

        Raises StoreRefused where rows have no timers.
        """
        ...
