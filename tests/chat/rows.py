"""Rows for tests of the chat."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from bridge.chat.effects import Effect, Quit, Show
from bridge.chat.lines import text_of
from bridge.client import MessagesLoaded
from bridge.rows import MessageRow, QuoteRow
from tests.client.scripted import BOB, conversation, message

__all__ = ["BOB", "conversation", "message", "page", "reply_to", "shown"]


def page(*messages: MessageRow, has_more: bool | None = False) -> MessagesLoaded:
    """Return a page of the conversation c1."""
    return MessagesLoaded(messages, "c1", has_more)


def reply_to(original: MessageRow, answer: MessageRow) -> MessageRow:
    """Return the answer with its original quoted."""
    quote = QuoteRow(original.id, original.encrypted_content, original.sender_id)
    return replace(answer, reply_to_id=original.id, reply_to=quote)


def shown(effects: Iterable[Effect], columns: int | None = None) -> list[str]:
    """Return what is shown, as text."""
    lines = [line for effect in effects if isinstance(effect, Show | Quit) for line in effect.lines]
    return [text_of(row) for line in lines for row in line.rows(columns)]
