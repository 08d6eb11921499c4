"""What the chat wants done in the world."""

from __future__ import annotations

from msgspec import Struct

from bridge.chat.lines import Line


class Show(Struct, frozen=True):
    """Show these lines."""

    lines: tuple[Line, ...]


class LoadList(Struct, frozen=True):
    """Read the list of conversations."""


class LoadNewest(Struct, frozen=True):
    """Join a conversation and read its newest messages."""

    conversation_id: str


class LoadOlder(Struct, frozen=True):
    """Read the messages before one."""

    conversation_id: str
    before_id: str


class Send(Struct, frozen=True):
    """Write a message; the key makes a repetition harmless."""

    key: str
    conversation_id: str
    content: str
    reply_to_id: str | None = None


class LogInAgain(Struct, frozen=True):
    """Read the token again and connect at once."""


class Quit(Struct, frozen=True):
    """End the program with this exit status, after these last words."""

    status: int
    lines: tuple[Line, ...] = ()


Effect = Show | LoadList | LoadNewest | LoadOlder | Send | LogInAgain | Quit


def show(*lines: Line) -> list[Effect]:
    """Return the effect of showing lines; none for none."""
    return [Show(lines)] if lines else []
