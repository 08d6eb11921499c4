"""Direct conversations of a pair in which one of the two is missing, found where it is certain that they are theirs."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from msgspec import Struct
from postgrest import AsyncSelectRequestBuilder
from supabase import AsyncClient

from bridge.models import Conversation
from bridge.store.supabase.query import CONVERSATION, PAGE, rows
from bridge.tables import ConversationRecord

_SEATS = "conversation_participants"


class _IdRecord(Struct, frozen=True):
    id: str


class _SeatRecord(Struct, frozen=True):
    user_id: str
    left_at: str | None


class _LonelyRecord(ConversationRecord, frozen=True):
    """A direct conversation of nobody but a pair; the embedded messages are one of each kind at most."""

    seats: list[_SeatRecord]
    by_third: list[_IdRecord]
    by_me: list[_IdRecord]
    by_other: list[_IdRecord]

    def misses(self, missing: Collection[str], written: Collection[_IdRecord]) -> bool:
        """Tell whether somebody, who wrote these messages, certainly belongs here and has no row."""
        is_active = any(seat.left_at is None for seat in self.seats)
        is_missing = all(seat.user_id not in missing for seat in self.seats)
        has_written = self.created_by is None and bool(written)
        return is_active and is_missing and not self.by_third and (has_written or self.created_by in missing)


async def damaged_directs(
    client: AsyncClient, mine: Collection[str], theirs: Collection[str]
) -> Sequence[Conversation]:
    """Ask for them, the oldest first, in one question that reads at most three ids of each one's messages.

    Raises:
        StoreError: they cannot be read.

    """
    found = await rows(_lonely(client, mine, theirs), _LonelyRecord)
    return [one.model() for one in found if one.misses(mine, one.by_me) or one.misses(theirs, one.by_other)]


def _lonely(client: AsyncClient, mine: Collection[str], theirs: Collection[str]) -> AsyncSelectRequestBuilder:
    """Return the query for direct conversations in which one of the two is, and nobody else is or was."""
    pair = ",".join(sorted({*mine, *theirs}))
    return (
        client.table("conversations")
        .select(
            f"{CONVERSATION},seats:{_SEATS}!inner(user_id,left_at),others:{_SEATS}(),"
            "by_third:messages(id),by_me:messages(id),by_other:messages(id)"
        )
        .eq("type", "direct")
        .or_(f"created_by.is.null,created_by.in.({pair})")
        .in_("seats.user_id", sorted({*mine, *theirs}))
        .filter("others.user_id", "not.in", f"({pair})")
        .is_("others", "null")
        .filter("by_third.sender_id", "not.in", f"({pair})")
        .limit(1, foreign_table="by_third")
        .in_("by_me.sender_id", sorted(mine))
        .limit(1, foreign_table="by_me")
        .in_("by_other.sender_id", sorted(theirs))
        .limit(1, foreign_table="by_other")
        .order("created_at")
        .order("id")
        .limit(PAGE)
    )
