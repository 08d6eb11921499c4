"""What happened: past-tense facts with a topic and a key, whichever way they became known.

Our own write and its echo from the feed carry the same key; only the hub drops repeats. An event without a key is a
state that replaces itself, like typing: repeating it does no harm, and its owner only tells changes.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from bridge.models import (
    ConversationId,
    ConversationSummary,
    Identity,
    Message,
    MessageId,
    PresenceStatus,
    Profile,
    UserId,
)
from bridge.paths import Decision
from bridge.sealed import Copies, lacking, opened


class MessageSent(Struct, frozen=True, kw_only=True):
    """A message now exists; what is sealed in it is seen by each recipient as its own copy."""

    message: Message
    copies: Copies = {}

    @property
    def topic(self) -> ConversationId:
        """Return what the event is about."""
        return self.message.conversation_id

    @property
    def key(self) -> str | None:
        """Return what makes a repeat recognisable."""
        return message_key(self.message.id)

    def seen_by(self, viewer: Identity) -> MessageSent:
        """Return the event as one recipient sees it."""
        return MessageSent(message=opened(self.message, self.copies, viewer))


class TypingChanged(Struct, frozen=True, kw_only=True):
    """Somebody began or ceased to type."""

    topic: ConversationId
    typist: Profile
    is_typing: bool

    @property
    def key(self) -> str | None:
        """Return None: only changes are told, and the last one counts."""
        return None


class MessagesRead(Struct, frozen=True, kw_only=True):
    """Somebody has read messages of others."""

    topic: ConversationId
    reader_id: UserId
    message_ids: tuple[MessageId, ...]
    read_at: datetime

    @property
    def key(self) -> str | None:
        """Return None: `bridge.receipts` knows what is news, row by row."""
        return None


class UserCameOnline(Struct, frozen=True, kw_only=True):
    """A member of a conversation is here who was not; said once for each conversation (contract ws-protocol 6)."""

    topic: ConversationId
    user_id: UserId
    at: datetime

    @property
    def key(self) -> str | None:
        """Return None: `bridge.presence` only tells changes."""
        return None


class UserWentOffline(Struct, frozen=True, kw_only=True):
    """A member of a conversation is gone; said once for each conversation."""

    topic: ConversationId
    user_id: UserId
    at: datetime

    @property
    def key(self) -> str | None:
        """Return None: `bridge.presence` only tells changes."""
        return None


class PresenceChanged(Struct, frozen=True, kw_only=True):
    """Somebody's status is another one; about a person, so it has no topic."""

    user_id: UserId
    was: PresenceStatus
    status: PresenceStatus
    last_seen: datetime | None

    @property
    def key(self) -> str | None:
        """Return None: `bridge.presence` only tells changes."""
        return None


class BridgeStatus(StrEnum):
    """How far a client can rely on being told everything."""

    LIVE = "live"
    DEGRADED = "degraded"
    DRAINING = "draining"


class Trouble(StrEnum):
    """Why a bridge is degraded, the worst first."""

    TABLES_UNREACHABLE = "tables_unreachable"
    """The tables do not answer, or failed the relay's last question: loads and sends may fail too."""
    REALTIME_LOST = "realtime_lost"
    """Changes by others do not arrive; they are looked for in the tables."""
    CATCHING_UP = "catching_up"
    """Changes arrive, and what was missed is being read."""


class ConnectionStatusChanged(Struct, frozen=True, kw_only=True):
    """The bridge is in another state; about the process, so it has no topic."""

    status: BridgeStatus
    reason: Trouble | None
    since: datetime

    @property
    def key(self) -> str | None:
        """Return None: the last state counts."""
        return None


class MessageUpdated(Struct, frozen=True, kw_only=True):
    """A message is no longer as it was: edited, or back after it was deleted."""

    message: Message
    copies: Copies = {}

    @property
    def topic(self) -> ConversationId:
        """Return what the event is about."""
        return self.message.conversation_id

    @property
    def key(self) -> str | None:
        """Return None: `bridge.message_states` knows what is news, and the last state counts."""
        return None

    def seen_by(self, viewer: Identity) -> MessageUpdated:
        """Return the event as one recipient sees it."""
        return MessageUpdated(message=opened(self.message, self.copies, viewer))


class MessageDeleted(Struct, frozen=True, kw_only=True):
    """A message is not to be shown any more; without a time if its row is gone."""

    topic: ConversationId
    message_id: MessageId
    deleted_at: datetime | None

    @property
    def key(self) -> str | None:
        """Return None: `bridge.message_states` knows what is news."""
        return None


class _OfLists(Struct, frozen=True, kw_only=True):
    """A state of somebody's list, or of who is in a conversation: the last one counts."""

    topic: ConversationId

    @property
    def key(self) -> str | None:
        """Return None: `bridge.lists` knows what is news."""
        return None


class ConversationAdded(_OfLists, frozen=True, kw_only=True):
    """A conversation is in somebody's list, as this person sees it."""

    summary: ConversationSummary


class ConversationChanged(_OfLists, frozen=True, kw_only=True):
    """A conversation in somebody's list looks different to this person."""

    summary: ConversationSummary


class ConversationRemoved(_OfLists, frozen=True, kw_only=True):
    """A conversation is no longer in somebody's list."""


class MemberAdded(_OfLists, frozen=True, kw_only=True):
    """Somebody is a member, with this role."""

    member: Profile
    role: str | None


class MemberRemoved(_OfLists, frozen=True, kw_only=True):
    """Somebody is no longer a member."""

    user_id: UserId


class RolloutChanged(Struct, frozen=True, kw_only=True):
    """The rollout sends a client another way than it came; about a connection, so it has no topic."""

    decision: Decision

    @property
    def key(self) -> str | None:
        """Return None: the last decision counts."""
        return None


Event = (
    MessageSent
    | TypingChanged
    | MessagesRead
    | UserCameOnline
    | UserWentOffline
    | PresenceChanged
    | ConnectionStatusChanged
    | MessageUpdated
    | MessageDeleted
    | ConversationAdded
    | ConversationChanged
    | ConversationRemoved
    | MemberAdded
    | MemberRemoved
    | RolloutChanged
)
Topicless = PresenceChanged | ConnectionStatusChanged | RolloutChanged
"""The events that are about no conversation."""


def is_personal(event: Event) -> bool:
    """Tell whether each recipient sees something of its own in this event."""
    return isinstance(event, MessageSent | MessageUpdated) and bool(lacking(event.message))


def as_seen_by(viewer: Identity, event: Event) -> Event:
    """Return the event as one recipient sees it."""
    return event.seen_by(viewer) if isinstance(event, MessageSent | MessageUpdated) else event


def message_key(message_id: MessageId) -> str:
    """Return the key of the sending of this message."""
    return f"sent:{message_id}"
