"""Receipts that others wrote into the table."""

from __future__ import annotations

from bridge.actions.context import Context
from bridge.feed.changes import ReceiptWritten
from bridge.tables import moment
from bridge.usage.notes import row_of


async def relay_receipt(change: ReceiptWritten, context: Context) -> None:
    """Tell that a legacy client's user has read a message; our own receipts have been told already.

    Raises:
        StoreError: the message, or who is a member, cannot be read.

    """
    if change.status != "read" or context.receipts.is_told(change.message_id, change.user_id):
        return
    for message in await context.store.messages.by_ids([change.message_id]):
        row = row_of(message.id, change.user_id)
        context.usage.wrote("message_status", message.conversation_id, row, by_bridge=False)
        members = await context.members.of(message.conversation_id)
        if change.user_id in members:
            read_at = moment(change.timestamp) or context.clock.now()
            context.receipts.tell(message.conversation_id, change.user_id, [message.id], read_at, members)
