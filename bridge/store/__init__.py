"""The port to the tables: thirteen nouns, each with the few questions the bridge asks.

Every method raises StoreRefused or StoreDown and nothing else, but for those of `usage`. Adapters are made by the
composition roots only; tests/contract holds for each of them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from bridge.models import (
    AuthId,
    Conversation,
    ConversationId,
    ConversationSummary,
    Group,
    GroupId,
    GroupMembership,
    GroupSummary,
    Identity,
    Member,
    Message,
    MessageId,
    NewConversation,
    NewGroup,
    NewMessage,
    OwnProfile,
    OwnTimer,
    Participant,
    Position,
    Profile,
    ProfileChanges,
    Quote,
    User,
    UserId,
)
from bridge.schema import Schema
from bridge.sealed import Copies
from bridge.store.change_log import ChangeLog
from bridge.store.presence import PresenceStore, TypingStore
from bridge.usage import UsageStore


class UserStore(Protocol):
    """People."""

    async def by_auth_id(self, auth_id: AuthId) -> Sequence[User]:
        """Return every row with this auth_user_id, oldest first, then the row whose id it is.

        Several rows may share an auth_user_id; which one counts is the identity rule's business.
        """
        ...

    async def by_phone(self, numbers: Collection[str]) -> Sequence[User]:
        """Return the rows with one of these phone numbers, oldest first."""
        ...

    async def by_any_ids(self, ids: Collection[str]) -> Sequence[User]:
        """Return the rows whose id or auth_user_id is one of these uuids, each once, oldest first.

        Of rows that are found by different ids the order is not promised.
        """
        ...

    async def profiles(self, ids: Collection[UserId]) -> Mapping[UserId, Profile]:
        """Return the profiles there are; unknown ids are absent."""
        ...

    async def containing(self, text: str, *, without: UserId, limit: int) -> Sequence[User]:
        """Return people other than `without` in whose username, display name or phone number this text occurs.

        In either case, and every character of it stands for itself. The first `limit` of them by username.
        """
        ...


class AccountStore(Protocol):
    """What somebody chooses for itself: rows of users, each by its own id."""

    async def update_profile(self, user_id: UserId, changes: ProfileChanges) -> OwnProfile | None:
        """Write what is given and return the profile as it is then; None if there is no such row."""
        ...

    async def retention_days(self, user_id: UserId) -> int | None:
        """Return for how many days messages are kept by default; None if there is no such row."""
        ...

    async def set_retention_days(self, user_id: UserId, days: int) -> bool:
        """Write it, and say whether there was such a row."""
        ...


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

    async def companions(self, identity: Identity) -> Mapping[ConversationId, frozenset[UserId]]:
        """Return the conversations with an active row of this identity set, each with all its active members."""
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


class MessageStore(Protocol):
    """Messages."""

    async def insert(self, message: NewMessage) -> Message:
        """Write a message once and return the row; a repeat of the same id returns the row already there.

        The row has no sender and no quote. Raises StoreRefused for a message_type the table does not know.
        """
        ...

    async def withdraw(self, message: NewMessage) -> bool:
        """Delete what this very attempt to insert wrote, and say whether there was something: for undoing.

        A row that an earlier attempt wrote has an earlier created_at, and may have been answered already: it stays.
        """
        ...

    async def page(
        self, conversation_id: ConversationId, viewer: Identity, *, before: Position | None, limit: int, now: datetime
    ) -> Sequence[Message]:
        """Return the newest `limit` messages older than `before`, ascending by (created_at, id), with sender and quote.

        What is sealed holds the viewer's own copies. Deleted messages and those expired at `now`, or whose copy for the
        viewer is, are left out; a quote from another conversation too (contract F10).
        """
        ...

    async def position(self, conversation_id: ConversationId, message_id: MessageId) -> Position | None:
        """Return where a message of this conversation is, deleted or not; None if it is not there."""
        ...

    async def quote(self, message_id: MessageId) -> Quote | None:
        """Return what a reply to this message shows; None if there is no such message or it is deleted."""
        ...

    async def by_ids(self, ids: Collection[MessageId]) -> Sequence[Message]:
        """Return those that exist, as they are now, ascending by (created_at, id), without sender and quote."""
        ...

    async def positions_since(self, moment: datetime, *, after: Position | None, limit: int) -> Sequence[Position]:
        """Return where the messages of all conversations created at or after `moment` stand, ascending, page by page.

        `after` is the last position of the page before. Deleted messages are left out.
        """
        ...

    async def changed_since(
        self, moment: datetime, *, written_since: datetime, after: Position | None, limit: int
    ) -> Sequence[Position]:
        """Return where the messages edited or deleted at or after `moment` stand, ascending, page by page.

        Only those created at or after `written_since`, for the times of editing and deleting have no index.
        """
        ...


class CopyStore(Protocol):
    """Sealed copies, one per recipient (DB-3)."""

    @property
    def available(self) -> bool:
        """Tell whether this database can hold sealed copies."""
        ...

    async def of(self, ids: Collection[MessageId], now: datetime) -> Copies:
        """Return everybody's copies of these messages that are not expired at `now`; none without the table."""
        ...

    async def seal(self, message_id: MessageId, copies: Mapping[UserId, str]) -> None:
        """Write the copies of one message, all or none; those that are there already stay as they are.

        Raises StoreRefused for a message or a recipient that does not exist, and where nothing can be sealed.
        """
        ...


class ReceiptStore(Protocol):
    """Who has read what; nobody but the service role can write it (contract F43)."""

    async def unread_among(
        self, conversation_id: ConversationId, reader: Identity, ids: Collection[MessageId]
    ) -> Sequence[MessageId]:
        """Return those of `ids` that are messages of others in this conversation without a 'read' row of the reader."""
        ...

    async def mark_read(self, reader_id: UserId, ids: Collection[MessageId], now: datetime) -> None:
        """Write a 'read' row for each message, in place of whatever status was there."""
        ...


class GroupStore(Protocol):
    """Groups, who is in them, and their rooms."""

    async def insert(self, group: NewGroup) -> Group:
        """Write a group and return the row. Raises StoreRefused with 23505 if the invite code is taken."""
        ...

    async def delete(self, group_id: GroupId) -> None:
        """Delete a group with its members and its rooms: for undoing."""
        ...

    async def by_invite_code(self, invite_code: str) -> Group | None:
        """Return the group with exactly this code, public or not."""
        ...

    async def memberships(self, group_id: GroupId, identity: Identity) -> Sequence[GroupMembership]:
        """Return the identity's rows in a group, former memberships included; empty for an unknown group."""
        ...

    async def admit(self, group_id: GroupId, roles: Mapping[UserId, str]) -> None:
        """Make all of them active members, or none: former ones again, active ones keep their role."""
        ...

    async def put_back(self, group_id: GroupId, user_id: UserId, left_at: datetime | None) -> None:
        """Make somebody a former member who left then, or with None one who never was: for undoing `admit`."""
        ...

    async def rooms(self, group_id: GroupId) -> Sequence[Conversation]:
        """Return the conversations of a group, private ones included, by position and age."""
        ...

    async def seats(self, group_id: GroupId, identity: Identity) -> Sequence[Participant]:
        """Return the identity's participant rows in the conversations of a group, former ones included."""
        ...

    async def summaries(self, identity: Identity) -> Sequence[GroupSummary]:
        """Return the groups with an active membership of this identity set, latest activity first.

        Activity is the newest message in one of its rooms, else the group's creation; all its rooms and its active
        members are counted. No policy hides a private group from its members.
        """
        ...


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
