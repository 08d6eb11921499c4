"""What a person sees: each generation's UI reads the fields it knows; where one is missing, nothing is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.clients.envelopes import Json
from tests.clients.generations import W1
from tests.clients.store import ChatStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLine:
    """A line of the sidebar; None is an empty place."""

    id: str | None
    kind: str | None
    name: str | None
    avatar: str | None
    group: str | None
    unread: int | None
    preview: str | None
    author: str | None
    at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bubble:
    """A message on the screen."""

    id: str
    author: str | None
    text: str | None
    at: str | None
    quoted: str | None


_BEFORE_STEP_9 = {
    "id": "conversation_id",
    "kind": "conversation_type",
    "name": "conversation_name",
    "avatar": "conversation_avatar_url",
    "group": "group_id",
    "unread": "unread_count",
    "preview": "latest_message_content",
    "author": "latest_message_sender_username",
    "at": "latest_message_created_at",
}
_FROM_STEP_9 = {
    "id": "id",
    "kind": "type",
    "name": "name",
    "avatar": "avatar_url",
    "group": "group_id",
    "unread": "unread_count",
    "preview": "last_message_content",
    "author": "last_message_sender_username",
    "at": "last_message_at",
}
"""Which key of a row is drawn where."""


def sidebar(store: ChatStore) -> list[ListLine]:
    """Return the list as it is drawn, in the order of the server."""
    names = _BEFORE_STEP_9 if isinstance(store, W1) else _FROM_STEP_9
    return [_line(row, names) for row in store.state.conversations]


def line_of(store: ChatStore, conversation_id: str) -> ListLine:
    """Return the one line of a conversation."""
    [line] = [line for line in sidebar(store) if line.id == conversation_id]
    return line


def bubbles(messages: list[Json]) -> list[Bubble]:
    """Return the messages as they are drawn."""
    return [_bubble(message) for message in messages]


def texts(store: ChatStore) -> list[str | None]:
    """Return what is read on the screen, from above to below."""
    return [bubble.text for bubble in bubbles(store.state.messages)]


def _line(row: Json, names: Mapping[str, str]) -> ListLine:
    return ListLine(**{place: row.get(name) for place, name in names.items()})


def _bubble(message: Json) -> Bubble:
    sender, original = message.get("sender") or {}, message.get("reply_to") or {}
    return Bubble(
        id=message["id"],
        author=sender.get("display_name") or sender.get("username"),
        text=message.get("encrypted_content") or message.get("content"),
        at=message.get("created_at"),
        quoted=original.get("encrypted_content"),
    )
