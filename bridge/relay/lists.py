"""Who came into a conversation or is out of it, and what conversations look like, as others wrote it."""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from bridge.actions.context import Context
from bridge.feed.changes import (
    ConversationRowDeleted,
    ListChange,
    ParticipantChanged,
    ParticipantDeleted,
)
from bridge.ids import written_by_bridge
from bridge.models import ConversationId, Participant, ParticipantId, UserId
from bridge.usage.notes import row_of

log = structlog.get_logger(__name__)


async def relay_list_change(change: ListChange, context: Context) -> None:
    """Take in a change; delivery follows at once, the telling when it is known what to tell.

    Raises:
        StoreError: what to tell cannot be read.

    """
    match change:
        case ParticipantChanged(participant):
            await _relay_participant(participant, context)
        case ParticipantDeleted(row_id):
            await _relay_lost_row(row_id, context)
        case ConversationRowDeleted(conversation_id):
            context.lists.conversation_deleted(conversation_id, context.members.lose(conversation_id))
        case _:
            if change.is_new:
                context.usage.wrote("conversations", change.id, change.id, by_bridge=written_by_bridge(change.id))
                context.lists.conversation_made(change.id, change.conversation)
            else:
                await context.lists.conversation_written(change.id, change.conversation)


async def relay_seats(conversation_id: ConversationId, people: Iterable[UserId], context: Context) -> None:
    """Tell who of these people is in a conversation now and who is not, whichever change made it so.

    Raises:
        StoreError: who is in it, or what to tell, cannot be read.

    """
    context.members.forget(conversation_id)
    rows = await context.store.conversations.participants(conversation_id)
    active = {row.user_id: row for row in rows if row.left_at is None}
    for user_id in people:
        row = active.get(user_id)
        if row is None:
            await context.lists.left(conversation_id, user_id)
        else:
            context.lists.take_row(row)
            context.lists.tell(await context.lists.entered(conversation_id, {user_id: row.role}))


async def _relay_participant(row: Participant, context: Context) -> None:
    context.usage.wrote(
        "conversation_participants", row.conversation_id, row_of(row.conversation_id, row.user_id), by_bridge=False
    )
    context.members.changed(row)
    before = context.lists.take_row(row)
    if context.members.is_rewrite(row):
        return
    if row.left_at is None:
        context.lists.tell(await context.lists.entered(row.conversation_id, {row.user_id: row.role}))
    else:
        await context.lists.left(row.conversation_id, row.user_id)
    if before is not None and (before.conversation_id, before.user_id) != (row.conversation_id, row.user_id):
        await context.lists.left(before.conversation_id, before.user_id)  # moved, or made over to somebody else


async def _relay_lost_row(row_id: ParticipantId, context: Context) -> None:
    """Tell who is out, if that can be known: the feed tells a key, and only rows seen lately have a name to it."""
    known = context.members.deleted(row_id)
    row = context.lists.drop_row(row_id) or known
    if row is None:
        log.debug("relay.unknown_participant_deleted", row_id=row_id)
    elif row.left_at is None:
        await context.lists.left(row.conversation_id, row.user_id)
