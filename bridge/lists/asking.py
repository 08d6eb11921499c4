"""What has to be asked before a list can be told of: the line of a conversation as each person sees it."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from datetime import datetime

from bridge.errors import StoreError
from bridge.models import ConversationId, ConversationSummary, Identity
from bridge.store.conversations import ConversationStore

QUESTIONS_AT_ONCE = 8


async def lines_of(
    conversation_id: ConversationId, identities: Collection[Identity], store: ConversationStore, now: datetime
) -> list[tuple[Identity, ConversationSummary]]:
    """Read the line as each of them sees it, a few at once; those who have none are left out.

    Raises:
        StoreError: one of them cannot be read.

    """
    waiting = list(identities)
    found: list[tuple[Identity, ConversationSummary]] = []

    async def ask_on() -> StoreError | None:
        try:
            while waiting:
                identity = waiting.pop()
                summary = await store.summary(identity, conversation_id, now)
                if summary is not None:
                    found.append((identity, summary))
        except StoreError as error:
            waiting.clear()
            return error
        return None

    async with asyncio.TaskGroup() as tasks:
        asking = [tasks.create_task(ask_on()) for _ in range(min(QUESTIONS_AT_ONCE, len(waiting)))]
    for error in (task.result() for task in asking):
        if error is not None:
            raise error
    return found
