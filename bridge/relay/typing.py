"""Typing of legacy writers, told as if they were here."""

from __future__ import annotations

from bridge.actions.context import Context
from bridge.feed.changes import TypingRowChanged
from bridge.usage.notes import row_of


async def relay_typing(change: TypingRowChanged, context: Context) -> None:
    """Tell of a legacy typist; what we wrote ourselves for one of our clients has been told already.

    Raises:
        StoreError: who is a member cannot be read.

    """
    if context.typing.is_own_echo(change.conversation_id, change.user_id):
        return
    row = row_of(change.conversation_id, change.user_id)
    context.usage.wrote("typing_indicators", change.conversation_id, row, by_bridge=False)
    if not change.is_typing:
        context.typing.end(change.conversation_id, change.user_id, is_ours=False)
        return
    members = await context.members.of(change.conversation_id)
    profile = await context.profiles.of(change.user_id)
    if change.user_id in members and profile is not None:
        context.typing.begin(change.conversation_id, profile, members, is_ours=False)
