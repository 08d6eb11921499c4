"""Chats in the states that tests begin with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC

from bridge.chat.effects import Effect, Show
from bridge.chat.state import Chat, Reader
from tests.chat.rows import BOB, conversation, message, page

TWO = (conversation("c1", "Weekend", unread=2), conversation("c2", "Work"))


def chat(*, first: str | None = None, is_present: bool = True) -> Chat:
    """Return a chat before anything has happened."""
    keys = iter(f"key{number}" for number in range(1000))
    return Chat(Reader(fresh_key=lambda: next(keys), zone=UTC, first=first, is_present=is_present))


def online_chat() -> Chat:
    """Return a chat that is connected and has its list."""
    ready = chat()
    ready.online(BOB)
    ready.listed(TWO)
    return ready


def open_chat() -> Chat:
    """Return a chat with the conversation c1 open and two messages shown."""
    ready = online_chat()
    ready.typed("/open 1")
    ready.newest("c1", page(message(1), message(2, content="second")))
    return ready


def wishes(effects: Iterable[Effect]) -> list[Effect]:
    """Return the effects that are not lines."""
    return [effect for effect in effects if not isinstance(effect, Show)]
