"""What is stored, as frozen values; column names are the tables' own (contract data-model section 2)."""

from __future__ import annotations

from collections.abc import Mapping, Set
from datetime import datetime
from enum import StrEnum
from typing import Final, NewType

from msgspec import UNSET, Struct, UnsetType

LARGEST_INTEGER: Final = 2_147_483_647
"""What a column of type integer holds at most."""
MAX_NAME_CHARACTERS: Final = 200
"""How long a name of a conversation or group may be: it stands in every line of every list."""
MAX_DESCRIPTION_CHARACTERS: Final = 2_000
"""How long a group's description may be: every list of groups shows it to every member."""
MOST_DAYS: Final = 1_000_000
"""The longest time until messages disappear: a database adds the days to the present, and its dates end somewhere."""

UserId = NewType("UserId", str)
"""A users.id: the only id that belongs into participants, sender_id and frames."""
AuthId = NewType("AuthId", str)
"""The `sub` of a token; never leaves the bridge except in auth_success."""
ConversationId = NewType("ConversationId", str)
MessageId = NewType("MessageId", str)
ParticipantId = NewType("ParticipantId", str)
GroupId = NewType("GroupId", str)


class Identity(Struct, frozen=True, kw_only=True):
    """Who somebody is, resolved once at the edge (contract data-model section 6)."""

    user_id: UserId
    auth_id: AuthId

    @property
    def ids(self) -> frozenset[str]:
        """Return the identity set, for reading membership only: some participant rows hold the auth id."""
        return frozenset((self.user_id, self.auth_id))

    def is_among(self, members: Set[str]) -> bool:
        """Tell whether one of the two ids is in `members`."""
        return not self.ids.isdisjoint(members)


class User(Struct, frozen=True, kw_only=True):
    """A row of users, as far as the bridge needs it."""

    id: UserId
    auth_user_id: AuthId | None
    username: str
    display_name: str
    phone_number: str
    avatar_url: str | None


class Profile(Struct, frozen=True, kw_only=True):
    """What others see of a user; the `sender` of a message."""

    id: UserId
    username: str
    display_name: str
    avatar_url: str | None


def profile_of(user: User) -> Profile:
    """Return what others see of a user."""
    return Profile(id=user.id, username=user.username, display_name=user.display_name, avatar_url=user.avatar_url)


class Participant(Struct, frozen=True, kw_only=True):
    """A row of conversation_participants; active while left_at is null."""

    id: ParticipantId
    conversation_id: ConversationId
    user_id: UserId
    left_at: datetime | None
    role: str | None = None


class Member(Struct, frozen=True, kw_only=True):
    """An active participant; without profile where `user_id` is no users.id, but perhaps an auth id."""

    user_id: UserId
    role: str | None
    joined_at: datetime | None
    profile: Profile | None


class OwnTimer(Struct, frozen=True, kw_only=True):
    """After how many seconds messages disappear for one participant (DB-2 on); 0 is never.

    `start_on` says what starts the time, "delivered" or "read"; None where nobody has chosen.
    """

    disappear_seconds: int
    start_on: str | None


class OwnProfile(Struct, frozen=True, kw_only=True):
    """What somebody sees of its own profile."""

    profile: Profile
    bio: str | None
    website: str | None


class ProfileChanges(Struct, frozen=True, kw_only=True):
    """What is to be written into a profile; UNSET stays as it is."""

    bio: str | UnsetType | None = UNSET
    website: str | UnsetType | None = UNSET


class ContentState(StrEnum):
    """What the content of a message is to somebody who looks at it."""

    PLAIN = "plain"
    SEALED = "sealed"
    """The viewer's own sealed copy; only its client can open it."""
    UNAVAILABLE = "unavailable"
    """Nothing that could be shown: a sealed message without a copy for the viewer."""


class Quote(Struct, frozen=True, kw_only=True):
    """The original of a reply, as shown above it; the conversation tells whether it may be shown (contract F10)."""

    id: MessageId
    conversation_id: ConversationId
    sender_id: UserId
    content: str
    state: ContentState = ContentState.PLAIN


class Message(Struct, frozen=True, kw_only=True):
    """A row of messages; `content` is text whatever the column's type, and a copy only where `state` is SEALED."""

    id: MessageId
    conversation_id: ConversationId
    sender_id: UserId
    reply_to_id: MessageId | None
    message_type: str
    content: str
    content_hash: str | None
    metadata: object
    edited_at: datetime | None
    deleted_at: datetime | None
    created_at: datetime
    expires_at: datetime | None
    state: ContentState = ContentState.PLAIN
    content_type: str | None = None
    has_attachments: bool | None = None
    sender: Profile | None = None
    reply_to: Quote | None = None


class NewMessage(Struct, frozen=True, kw_only=True):
    """A message to be written; expires_at is the database trigger's business."""

    id: MessageId
    conversation_id: ConversationId
    sender_id: UserId
    reply_to_id: MessageId | None
    message_type: str
    content: str
    metadata: Mapping[str, object]
    created_at: datetime


class ConversationSummary(Struct, frozen=True, kw_only=True):
    """One line of a user's conversation list; name and avatar already those of the other person where direct."""

    id: ConversationId
    type: str
    name: str | None
    avatar_url: str | None
    group_id: str | None
    group_name: str | None
    participant_count: int
    created_at: datetime
    latest: Message | None
    unread_count: int
    disappearing_messages_enabled: bool = False
    disappearing_messages_duration_days: int | None = None
    own_rows: tuple[Participant, ...] = ()
    """The rows that make this user a member: of a deleted row the feed tells no more than its id."""


class Conversation(Struct, frozen=True, kw_only=True):
    """A row of conversations."""

    id: ConversationId
    type: str
    name: str | None
    description: str | None
    avatar_url: str | None
    created_by: UserId | None
    created_at: datetime
    updated_at: datetime
    group_id: GroupId | None
    is_private: bool | None
    position: int | None
    disappearing_messages_enabled: bool
    disappearing_messages_duration_days: int | None


class NewConversation(Struct, frozen=True, kw_only=True):
    """A conversation to be written; who is in it comes after it."""

    id: ConversationId
    type: str
    name: str | None
    created_by: UserId
    created_at: datetime
    group_id: GroupId | None
    is_private: bool


class Group(Struct, frozen=True, kw_only=True):
    """A row of groups."""

    id: GroupId
    name: str
    description: str | None
    avatar_url: str | None
    is_public: bool | None
    invite_code: str | None
    created_by: UserId | None
    created_at: datetime


class NewGroup(Struct, frozen=True, kw_only=True):
    """A group to be written; members and rooms come after it."""

    id: GroupId
    name: str
    description: str | None
    is_public: bool
    invite_code: str
    created_by: UserId
    created_at: datetime


class GroupMembership(Struct, frozen=True, kw_only=True):
    """A row of group_members; active while left_at is null."""

    group_id: GroupId
    user_id: UserId
    role: str | None
    left_at: datetime | None


class GroupSummary(Struct, frozen=True, kw_only=True):
    """One line of a user's list of groups."""

    id: GroupId
    name: str
    description: str | None
    avatar_url: str | None
    role: str | None
    room_count: int
    member_count: int
    latest_activity: datetime


class Position(Struct, frozen=True, order=True):
    """A place in a conversation: pages follow (created_at, id), because created_at alone ties (contract F25)."""

    created_at: datetime
    id: MessageId


class PresenceStatus(StrEnum):
    """Whether somebody is here, and what they say of themselves (the table's CHECK, contract data-model section 2)."""

    ONLINE = "online"
    AWAY = "away"
    BUSY = "busy"
    OFFLINE = "offline"


class Presence(Struct, frozen=True, kw_only=True):
    """A row of user_presence; `last_seen` is the last sign of life, None where there never was one."""

    user_id: UserId
    status: PresenceStatus
    last_seen: datetime | None
