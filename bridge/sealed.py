"""Sealed messages: the row says nothing, each recipient has a copy of its own (contract data-model section 7, DB-3)."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from bridge.content import NOTHING
from bridge.models import ContentState, Identity, Message, MessageId, Quote, UserId

Copies = Mapping[MessageId, Mapping[UserId, str]]
"""Sealed copies by message and recipient."""


def lacking(message: Message) -> list[MessageId]:
    """Return the ids whose copies somebody needs to see this message whole: its own, and its original's."""
    quote = message.reply_to
    ids = [message.id] if message.state is not ContentState.PLAIN else []
    return [*ids, quote.id] if quote is not None and quote.state is not ContentState.PLAIN else ids


def opened(message: Message, copies: Copies, viewer: Identity) -> Message:
    """Return the message as the viewer sees it, with its own copies in place of nothing."""
    if not lacking(message):
        return message
    quote = _opened_quote(message.reply_to, copies, viewer)
    if message.state is ContentState.PLAIN:
        return replace(message, reply_to=quote)
    own = own_copy(copies.get(message.id, {}), viewer)
    return replace(message, content=own or NOTHING.text, state=_state(own), reply_to=quote)


def own_copy(copies: Mapping[UserId, str], viewer: Identity) -> str | None:
    """Return the viewer's copy; some rows may name it by its auth id (contract data-model section 6)."""
    return next((copy for recipient, copy in copies.items() if recipient in viewer.ids), None)


def _opened_quote(quote: Quote | None, copies: Copies, viewer: Identity) -> Quote | None:
    if quote is None or quote.state is ContentState.PLAIN:
        return quote
    own = own_copy(copies.get(quote.id, {}), viewer)
    return replace(quote, content=own or NOTHING.text, state=_state(own))


def _state(copy: str | None) -> ContentState:
    return ContentState.SEALED if copy else ContentState.UNAVAILABLE
