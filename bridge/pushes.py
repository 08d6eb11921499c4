"""Which frame tells clients of an event, and which of them understand it.

One function per push, listed in PUSHES; the specification is made from the same table.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from datetime import datetime
from typing import Final, Generic, TypeVar, cast, get_type_hints

from msgspec import Struct

from bridge import protocol
from bridge.capabilities import Capability
from bridge.clock import row_time, wire_time
from bridge.events import (
    ConnectionStatusChanged,
    ConversationAdded,
    ConversationChanged,
    ConversationRemoved,
    Event,
    MemberAdded,
    MemberRemoved,
    MessageDeleted,
    MessageSent,
    MessagesRead,
    MessageUpdated,
    PresenceChanged,
    RolloutChanged,
    TypingChanged,
    UserCameOnline,
    UserWentOffline,
)
from bridge.paths import Decision
from bridge.push_payloads import (
    ConnectionStatus,
    ConversationGone,
    ConversationShown,
    MemberGone,
    MemberShown,
    MessageGone,
    MessageReceived,
    MessageShown,
    MessagesReadUpdate,
    TypingUpdate,
    UserHere,
)
from bridge.rows import PresenceRow, conversation_row, message_row, profile_row

E = TypeVar("E", bound=Struct)


class Push(Generic[E]):
    """How one kind of event is told: the wire type, who understands it (None: every client), and the payload.

    What the function's docstring says is said to client authors.
    """

    def __init__(
        self, name: str, event: type[E], capability: Capability | None, show: Callable[[E], Struct], *, is_kept: bool
    ) -> None:
        self.name = name
        self.event = event
        self.capability = capability
        self.is_kept = is_kept
        self.show = show
        self.payload: type[Struct] = get_type_hints(show)["return"]
        self.description = inspect.getdoc(show) or ""


def push(
    name: str, event: type[E], *, capability: Capability | None = None, is_kept: bool = True
) -> Callable[[Callable[[E], Struct]], Push[E]]:
    """Make a function the way in which an event is told.

    `is_kept`: told again to who comes back; not where only the state of the moment matters.
    """

    def declare(show: Callable[[E], Struct]) -> Push[E]:
        return Push(name, event, capability, show, is_kept=is_kept)

    return declare


@push("message_received", MessageSent)
def message_received(event: MessageSent) -> MessageReceived:
    """Tell of a new message: every client of every active member, the sender's too, once."""
    return MessageReceived(message_row(event.message))


@push("typing_update", TypingChanged, is_kept=False)
def typing_update(event: TypingChanged) -> TypingUpdate:
    """Tell who types: the other members' clients that joined this conversation last.

    The name is the original's but for the email, which is nobody's business (contract section 4).
    """
    name = event.typist.username or event.typist.display_name
    return TypingUpdate(event.topic, event.typist.id, name, event.is_typing)


@push("messages_read", MessagesRead, capability=Capability.RECEIPTS)
def messages_read(event: MessagesRead) -> MessagesReadUpdate:
    """Tell what somebody has read, oneself on another client included."""
    return MessagesReadUpdate(event.topic, event.reader_id, event.message_ids, row_time(event.read_at))


@push("user_online", UserCameOnline, is_kept=False)
def user_online(event: UserCameOnline) -> UserHere:
    """Tell that a member came: the others' clients that have joined the conversation, once for each conversation."""
    return UserHere(event.user_id, event.topic, wire_time(event.at))


@push("user_offline", UserWentOffline, is_kept=False)
def user_offline(event: UserWentOffline) -> UserHere:
    """Tell that a member went: the others' clients that have joined the conversation, once for each conversation."""
    return UserHere(event.user_id, event.topic, wire_time(event.at))


@push("presence_changed", PresenceChanged, capability=Capability.PRESENCE, is_kept=False)
def presence_changed(event: PresenceChanged) -> PresenceRow:
    """Tell somebody's new status: whoever shares a conversation with them, joined or not, once."""
    return PresenceRow(event.user_id, event.status, row_time(event.last_seen))


@push("connection_status", ConnectionStatusChanged, capability=Capability.CONNECTION_STATUS, is_kept=False)
def connection_status(event: ConnectionStatusChanged) -> ConnectionStatus:
    """Tell how far the bridge can be relied on: after `auth_success` and what was missed, and at every change."""
    return ConnectionStatus(event.status, event.reason, row_time(event.since))


@push("message_updated", MessageUpdated, capability=Capability.MESSAGE_CHANGES)
def message_updated(event: MessageUpdated) -> MessageShown:
    """Show a message as it is now."""
    return MessageShown(message_row(event.message))


@push("message_deleted", MessageDeleted, capability=Capability.MESSAGE_CHANGES)
def message_deleted(event: MessageDeleted) -> MessageGone:
    """Say which message is not to be shown any more."""
    return MessageGone(event.message_id, event.topic, row_time(event.deleted_at))


@push("conversation_added", ConversationAdded, capability=Capability.CONVERSATIONS)
def conversation_added(event: ConversationAdded) -> ConversationShown:
    """Show a new line of the list."""
    return ConversationShown(conversation_row(event.summary))


@push("conversation_changed", ConversationChanged, capability=Capability.CONVERSATIONS)
def conversation_changed(event: ConversationChanged) -> ConversationShown:
    """Show a line of the list as it is now."""
    return ConversationShown(conversation_row(event.summary))


@push("conversation_removed", ConversationRemoved, capability=Capability.CONVERSATIONS)
def conversation_removed(event: ConversationRemoved) -> ConversationGone:
    """Say which conversation is no longer in the list."""
    return ConversationGone(event.topic)


@push("member_added", MemberAdded, capability=Capability.MEMBERS)
def member_added(event: MemberAdded) -> MemberShown:
    """Show who is a member now, or has another role."""
    return MemberShown(event.topic, profile_row(event.member), event.role)


@push("member_removed", MemberRemoved, capability=Capability.MEMBERS)
def member_removed(event: MemberRemoved) -> MemberGone:
    """Say who is no longer a member."""
    return MemberGone(event.topic, event.user_id)


@push("rollout_changed", RolloutChanged, capability=Capability.ROLLOUT, is_kept=False)
def rollout_changed(event: RolloutChanged) -> Decision:
    """Tell a client that it is to go on by the legacy path; the connection is closed with 4510 after it."""
    return event.decision


PUSHES: Final = {
    one.event: one
    for one in cast(
        "list[Push[Struct]]",
        [
            message_received,
            typing_update,
            messages_read,
            user_online,
            user_offline,
            presence_changed,
            connection_status,
            message_updated,
            message_deleted,
            conversation_added,
            conversation_changed,
            conversation_removed,
            member_added,
            member_removed,
            rollout_changed,
        ],
    )
}
"""By event."""


def push_type(event: Event) -> str:
    """Return the wire type of the push of this event."""
    return PUSHES[type(event)].name


def required_capability(event: Event) -> Capability | None:
    """Return what a client must have asked for to be told of this event."""
    return PUSHES[type(event)].capability


def is_kept(event: Event) -> bool:
    """Tell whether this event is told again to who comes back."""
    return PUSHES[type(event)].is_kept


def encode_push(event: Event, fresh_id: str, now: datetime) -> str:
    """Encode the push of this event; once for all its receivers, or for each what it alone sees."""
    kind = PUSHES[type(event)]
    return protocol.push(kind.name, kind.show(event), fresh_id, now)
