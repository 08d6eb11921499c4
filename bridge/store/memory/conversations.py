"""The conversations of the port, in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from bridge.errors import StoreRefused
from bridge.models import (
    Conversation,
    ConversationId,
    ConversationSummary,
    Identity,
    NewConversation,
    Participant,
    UserId,
)
from bridge.sealed import opened
from bridge.store.memory.tables import Tables, conversation_of, position_of
from bridge.store.unread import UNREAD_WINDOW, count_unread

TICK = timedelta(microseconds=1)


class MemoryConversations:
    """Conversations; see the port."""

    def __init__(self, store: Tables) -> None:
        self._store = store

    async def participants(self, conversation_id: ConversationId) -> Sequence[Participant]:
        """See the port."""
        self._store.note("conversations.participants")
        return [row for row in self._store.rows.values() if row.conversation_id == conversation_id]

    async def summaries(self, identity: Identity, now: datetime) -> Sequence[ConversationSummary]:
        """See the port."""
        self._store.note("conversations.summaries")
        active = [row for row in self._store.rows.values() if row.left_at is None]
        mine = {row.conversation_id for row in active if row.user_id in identity.ids}
        found = [self._summary(self._store.conversation_rows[one], identity, now) for one in mine]
        return sorted(found, key=lambda one: one.latest.created_at if one.latest else one.created_at, reverse=True)

    async def summary(
        self, identity: Identity, conversation_id: ConversationId, now: datetime
    ) -> ConversationSummary | None:
        """See the port."""
        self._store.note("conversations.summary")
        row = self._store.conversation_rows.get(conversation_id)
        is_member = not identity.ids.isdisjoint(self._store.active(conversation_id))
        return self._summary(row, identity, now) if row is not None and is_member else None

    async def directs_between(self, mine: Collection[str], theirs: Collection[str]) -> Sequence[Conversation]:
        """See the port."""
        self._store.note("conversations.directs_between")
        directs = [row for row in self._store.conversation_rows.values() if row.type == "direct"]
        found = [row for row in directs if _are_the_pair(self._store.active(row.id), mine, theirs)]
        return sorted(found, key=lambda row: (row.created_at, row.id))

    async def companions(self, people: Collection[str]) -> Mapping[ConversationId, frozenset[UserId]]:
        """See the port."""
        self._store.note("conversations.companions")
        active = [row for row in self._store.rows.values() if row.left_at is None]
        mine = {row.conversation_id for row in active if row.user_id in people}
        return {one: frozenset(self._store.active(one)) for one in mine}

    async def damaged_directs_between(self, mine: Collection[str], theirs: Collection[str]) -> Sequence[Conversation]:
        """See the port."""
        self._store.note("conversations.damaged_directs_between")
        directs = [row for row in self._store.conversation_rows.values() if row.type == "direct"]
        found = [row for row in directs if self._misses(row, mine, theirs) or self._misses(row, theirs, mine)]
        return sorted(found, key=lambda row: (row.created_at, row.id))

    async def insert(self, conversation: NewConversation) -> Conversation:
        """See the port."""
        self._store.note("conversations.insert")
        there = self._store.conversation_rows.get(conversation.id)
        if there is not None:
            return self._store.add_conversation(replace(there, updated_at=there.updated_at + TICK))
        self._store.require_users([conversation.created_by])
        written = self._store.add_conversation(_row_of(conversation))
        if self._store.adds_creators:
            self._store.add_participant(conversation.id, conversation.created_by, role="admin")
        return written

    async def withdraw(self, conversation: NewConversation) -> bool:
        """See the port."""
        self._store.note("conversations.withdraw")
        is_untouched = self._store.conversation_rows.get(conversation.id) == _row_of(conversation)
        if is_untouched:
            self._store.remove_conversation(conversation.id)
        return is_untouched

    async def admit(self, conversation_id: ConversationId, roles: Mapping[UserId, str]) -> None:
        """See the port."""
        self._store.note("conversations.admit")
        self._store.require_users(roles)
        if conversation_id not in self._store.conversation_rows:
            raise StoreRefused("23503")
        for user_id, role in roles.items():
            row = self._row(conversation_id, user_id)
            if row is None:
                self._store.add_participant(conversation_id, user_id, role=role)
            else:
                self._store.rows[row.id] = replace(row, left_at=None)

    async def put_back(self, conversation_id: ConversationId, user_id: UserId, left_at: datetime | None) -> None:
        """See the port."""
        self._store.note("conversations.put_back")
        row = self._row(conversation_id, user_id)
        if row is not None and left_at is not None:
            self._store.rows[row.id] = replace(row, left_at=left_at)
        elif row is not None:
            del self._store.rows[row.id]

    def _row(self, conversation_id: ConversationId, user_id: UserId) -> Participant | None:
        rows = (row for row in self._store.rows.values() if row.user_id == user_id)
        return next((row for row in rows if row.conversation_id == conversation_id), None)

    def _active_rows(self, conversation_id: ConversationId, identity: Identity) -> tuple[Participant, ...]:
        rows = (row for row in self._store.rows.values() if row.conversation_id == conversation_id)
        return tuple(row for row in rows if row.user_id in identity.ids and row.left_at is None)

    def _misses(self, conversation: Conversation, missing: Collection[str], present: Collection[str]) -> bool:
        people = {row.user_id for row in self._store.rows.values() if row.conversation_id == conversation.id}
        messages = self._store.messages_by_id.values()
        senders = {message.sender_id for message in messages if message.conversation_id == conversation.id}
        has_written = conversation.created_by is None and not senders.isdisjoint(missing)
        return (
            people <= set(present)
            and bool(self._store.active(conversation.id))
            and senders <= {*missing, *present}
            and (has_written or conversation.created_by in missing)
        )

    def _summary(self, row: Conversation, identity: Identity, now: datetime) -> ConversationSummary:
        visible = self._store.visible(row.id, now)
        recent = [message for message in visible if message.created_at >= now - UNREAD_WINDOW]
        seen = [position_of(message) for message in recent if (message.id, identity.user_id) in self._store.read]
        newest_first = [(position_of(message), message.sender_id) for message in reversed(recent)]
        members = self._store.active(row.id)
        other = next((user for user in self._store.people if user.id in members and user.id not in identity.ids), None)
        group = self._store.group_rows.get(row.group_id) if row.group_id else None
        return ConversationSummary(
            id=row.id,
            type=row.type,
            name=other.display_name if row.type == "direct" and other else row.name,
            avatar_url=other.avatar_url if row.type == "direct" and other else row.avatar_url,
            group_id=row.group_id,
            group_name=group.name if group else None,
            participant_count=len(members),
            created_at=row.created_at,
            latest=opened(self._store.with_surroundings(visible[-1]), self._store.sealed, identity)
            if visible
            else None,
            unread_count=count_unread(newest_first, identity, max(seen, default=None)),
            disappearing_messages_enabled=row.disappearing_messages_enabled,
            disappearing_messages_duration_days=row.disappearing_messages_duration_days,
            own_rows=self._active_rows(row.id, identity),
        )


def _row_of(new: NewConversation) -> Conversation:
    return conversation_of(
        new.id,
        new.type,
        name=new.name,
        created_by=new.created_by,
        created_at=new.created_at,
        updated_at=new.created_at,
        group_id=new.group_id,
        is_private=new.is_private,
    )


def _are_the_pair(members: Collection[str], mine: Collection[str], theirs: Collection[str]) -> bool:
    people = set(members)
    return bool(people & set(mine)) and bool(people & set(theirs)) and people <= {*mine, *theirs}
