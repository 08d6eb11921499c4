"""A conversation as PostgREST prints it with its embeds, turned into a line of the conversation list. Pure."""

from __future__ import annotations

from msgspec import Struct

from bridge.models import (
    ConversationId,
    ConversationSummary,
    Identity,
    Message,
    Participant,
    ParticipantId,
    Position,
    UserId,
)
from bridge.store.unread import count_unread
from bridge.tables import MessageRecord, PositionRecord, ProfileRecord, moment_or_earliest


class GroupRecord(Struct, frozen=True):
    """The embedded group."""

    name: str


class MemberRecord(Struct, frozen=True):
    """An embedded participant; `user` is null where no users row has the id (contract data-model section 6)."""

    user_id: str
    left_at: str | None
    user: ProfileRecord | None


class OwnRecord(Struct, frozen=True):
    """An active participant row of the list's owner."""

    id: ParticipantId
    user_id: UserId
    role: str | None = None


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
    seen: list[PositionRecord]
    mine: list[OwnRecord] = []
    disappearing_messages_enabled: bool = False
    disappearing_messages_duration_days: int | None = None

    @property
    def seen_until(self) -> Position | None:
        """Return where the newest message stands that the reader has a receipt for."""
        return self.seen[0].model() if self.seen else None

    @property
    def latest(self) -> Position | None:
        """Return where the latest message stands."""
        return Position(moment_or_earliest(self.last[0].created_at), self.last[0].id) if self.last else None

    def may_be_unread(self, reader: Identity) -> bool:
        """Tell whether the latest message is somebody else's and has not been seen."""
        if self.latest is None or self.last[0].sender_id in reader.ids:
            return False
        return self.seen_until is None or self.latest > self.seen_until


class RecentRecord(PositionRecord, frozen=True):
    """Where a message stands, and whose it is."""

    sender_id: UserId


class RecentsRecord(Struct, frozen=True):
    """A conversation's id with its newest messages."""

    id: ConversationId
    recent: list[RecentRecord]

    def unread(self, reader: Identity, line: LineRecord) -> int:
        """Count what is unread up to the latest message that the line shows.

        What came between the two questions is in no line yet; clients count it when it is pushed.
        """
        recent = [(one.model(), one.sender_id) for one in self.recent]
        counted = [one for one in recent if line.latest is not None and one[0] <= line.latest]
        return count_unread(counted, reader, line.seen_until)


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
        disappearing_messages_enabled=record.disappearing_messages_enabled,
        disappearing_messages_duration_days=record.disappearing_messages_duration_days,
        own_rows=tuple(
            Participant(id=row.id, conversation_id=record.id, user_id=row.user_id, left_at=None, role=row.role)
            for row in record.mine
        ),
    )


def _other(record: LineRecord, identity: Identity) -> ProfileRecord | None:
    """Return the other person, preferably one who has not left."""
    others = [member for member in record.members if member.user and member.user_id not in identity.ids]
    others.sort(key=lambda member: (member.left_at is not None, member.user_id))
    return others[0].user if others else None
