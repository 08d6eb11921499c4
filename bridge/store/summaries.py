"""A conversation as PostgREST prints it with its embeds, turned into a line of the conversation list. Pure."""

from __future__ import annotations

from msgspec import Struct

from bridge.models import ConversationId, ConversationSummary, Identity, Message
from bridge.tables import MessageRecord, ProfileRecord, moment_or_earliest


class GroupRecord(Struct, frozen=True):
    """The embedded group."""

    name: str


class MemberRecord(Struct, frozen=True):
    """An embedded participant; `user` is null where no users row has the id (contract data-model section 6)."""

    user_id: str
    left_at: str | None
    user: ProfileRecord | None


class LineRecord(Struct, frozen=True):
    """A conversations row with group, members and its latest message."""

    id: ConversationId
    type: str
    name: str | None
    avatar_url: str | None
    group_id: str | None
    created_at: str | None
    group: GroupRecord | None
    members: list[MemberRecord]
    last: list[MessageRecord]


class CountRecord(Struct, frozen=True):
    """An embedded count."""

    count: int


class UnreadRecord(Struct, frozen=True):
    """A conversation's id with the number of its unread messages."""

    id: ConversationId
    messages: list[CountRecord]


def summarise(record: LineRecord, identity: Identity, *, unread: int, latest: Message | None) -> ConversationSummary:
    """Return the line as this identity sees it: a direct conversation is called after the other person."""
    other = _other(record, identity) if record.type == "direct" else None
    return ConversationSummary(
        id=record.id,
        type=record.type,
        name=other.display_name if other else record.name,
        avatar_url=other.avatar_url if other else record.avatar_url,
        group_id=record.group_id,
        group_name=record.group.name if record.group else None,
        participant_count=sum(member.left_at is None for member in record.members),
        created_at=moment_or_earliest(record.created_at),
        latest=latest,
        unread_count=unread,
    )


def _other(record: LineRecord, identity: Identity) -> ProfileRecord | None:
    """Return the other person, preferably one who has not left."""
    others = [member for member in record.members if member.user and member.user_id not in identity.ids]
    others.sort(key=lambda member: (member.left_at is not None, member.user_id))
    return others[0].user if others else None
