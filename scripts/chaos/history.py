"""What happened in a trial, as everybody who took part saw it; values only.

Times are seconds of the trial's own monotonic clock. Messages are known by their key, which is their text and their
`clientMessageId`, until a message id is there.
"""

from __future__ import annotations

from datetime import datetime
from enum import Enum

from msgspec import Struct


class Kind(Enum):
    """How a reader comes back after its connection broke."""

    CURSOR = "cursor"
    """It shows its cursor, and loads if it is told that nothing is resumed (docs/protocol.md, Reconnecting)."""
    RELOAD = "reload"
    """It knows no cursors: it authenticates, and loads what is new."""
    PLAIN = "plain"
    """It authenticates and does nothing else, like the oldest clients (contract F27)."""


class Happening(Struct, frozen=True, kw_only=True, tag_field="what"):
    """Anything that happened, and when."""

    at: float


class Sent(Happening, frozen=True, kw_only=True, tag="sent"):
    """A writer began to send a message."""

    key: str
    conversation_id: str


class Repeating(Happening, frozen=True, kw_only=True, tag="repeating"):
    """A writer sends a message once more, for it was not answered: whether it is written already, nobody knows."""

    key: str


class Acknowledged(Happening, frozen=True, kw_only=True, tag="acknowledged"):
    """A writer was told that its message is written."""

    key: str
    message_id: str


class GivenUp(Happening, frozen=True, kw_only=True, tag="given up"):
    """A writer that cannot repeat (a legacy one) does not know whether its message was written."""

    key: str


class Came(Happening, frozen=True, kw_only=True, tag="came"):
    """A reader authenticated on a new connection, with this process of the bridge."""

    reader: str
    connection: int
    process: str
    resumed: bool


class Received(Happening, frozen=True, kw_only=True, tag="received"):
    """A message was pushed to a reader."""

    reader: str
    connection: int
    conversation_id: str
    message_id: str


class Loaded(Happening, frozen=True, kw_only=True, tag="loaded"):
    """A reader loaded a page, because it knew that it may have missed something."""

    reader: str
    conversation_id: str
    message_ids: tuple[str, ...]


class Leaving(Happening, frozen=True, kw_only=True, tag="leaving"):
    """Somebody is about to be removed from a conversation; from here on nothing is owed to this reader."""

    reader: str
    conversation_id: str


class ShutOut(Happening, frozen=True, kw_only=True, tag="shut out"):
    """A reader was refused as no member; from here on nothing may come (contract F8)."""

    reader: str
    conversation_id: str


class Struck(Happening, frozen=True, kw_only=True, tag="struck"):
    """The fault began."""


class Healed(Happening, frozen=True, kw_only=True, tag="healed"):
    """The cause of the fault is gone."""


Event = Sent | Repeating | Acknowledged | GivenUp | Came | Received | Loaded | Leaving | ShutOut | Struck | Healed


class Row(Struct, frozen=True, kw_only=True):
    """A message as the table holds it at the end."""

    id: str
    conversation_id: str
    key: str
    created_at: datetime
