"""Messages that nobody typed: what the bridge says in a conversation about the conversation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import structlog
from msgspec.structs import replace

from bridge.actions.context import Caller, Context
from bridge.actions.sending import ANNOUNCEMENT, deliver_written, members_by_now
from bridge.errors import StoreError
from bridge.events import MessageSent, message_key
from bridge.ids import new_message_id
from bridge.models import ConversationId, NewMessage

log = structlog.get_logger(__name__)


def _nothing() -> None:
    """Deliver nothing."""


async def announce(conversation_id: ConversationId, text: str, caller: Caller, context: Context) -> Callable[[], None]:
    """Write a message of type system in the caller's name, and return what delivers it.

    What it tells of has happened already, so a failure is logged and nothing else (contract legacy-rest section 3.4).
    """
    created_at = context.times.next(conversation_id)
    new = NewMessage(
        id=new_message_id(created_at),
        conversation_id=conversation_id,
        sender_id=caller.identity.user_id,
        reply_to_id=None,
        message_type=ANNOUNCEMENT,
        content=text,
        metadata={},
        created_at=created_at,
    )
    reservation = context.hub.reserve(conversation_id, message_key(new.id), created_at)
    try:
        members = await context.members.of(conversation_id)
        written = await context.store.messages.insert(new)
        members = await members_by_now(conversation_id, members, context)
    except StoreError as error:
        log.warning("announcement.not_written", cause=type(error).__name__, detail=str(error))
        reservation.abandon()
        return _nothing
    except BaseException:
        reservation.abandon()
        raise
    event = MessageSent(message=replace(written, sender=caller.profile))
    return partial(deliver_written, reservation, event, members, context)
