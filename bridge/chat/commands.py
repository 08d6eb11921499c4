"""What a typed line means. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from msgspec import Struct


class Say(Struct, frozen=True):
    """Send this to the open conversation."""

    content: str


class ListConversations(Struct, frozen=True):
    """Show the conversations."""


class Open(Struct, frozen=True):
    """Open the conversation with this number or name."""

    target: str


class More(Struct, frozen=True):
    """Show older messages."""


class Reply(Struct, frozen=True):
    """Answer the message with this number."""

    number: int
    content: str


class Retry(Struct, frozen=True):
    """Send again what could not be sent."""


class LogIn(Struct, frozen=True):
    """Read the token again and connect at once."""


class Help(Struct, frozen=True):
    """Explain the commands."""


class Leave(Struct, frozen=True):
    """End the program."""


class Mistake(Struct, frozen=True):
    """The line means nothing; the text says what would."""

    text: str


Command = Say | ListConversations | Open | More | Reply | Retry | LogIn | Help | Leave | Mistake

HELP: Final = (
    ("/list", "your conversations, with the number of unread messages"),
    ("/open N or name", "open a conversation; its newest messages are shown"),
    ("/more", "older messages of the open conversation"),
    ("/reply N text", "answer message #N"),
    ("/retry", "send again what could not be sent; nothing is sent twice"),
    ("/login", "read the token again and connect at once"),
    ("/help", "this list"),
    ("/quit", "leave (Ctrl-C or Ctrl-D do it too)"),
    ("//text", "send a message that begins with a slash"),
)

_WITHOUT_ARGUMENT: Final[dict[str, Callable[[], Command]]] = {
    "/list": ListConversations,
    "/more": More,
    "/retry": Retry,
    "/login": LogIn,
    "/help": Help,
    "/quit": Leave,
    "/exit": Leave,
}
BEGINNINGS: Final = (*(name for name in _WITHOUT_ARGUMENT if name != "/exit"), "/open ", "/reply ")


def parse(line: str) -> Command | None:
    """Read a typed line; None where there is nothing in it."""
    # What a terminal passes on undecoded arrives as lone surrogates, which have no place on the wire.
    text = line.encode("utf-8", "replace").decode().strip()
    if not text:
        return None
    if not text.startswith("/"):
        return Say(text)
    if text.startswith("//"):
        return Say(text[1:])
    name, _, argument = text.partition(" ")
    return _command(name.lower(), argument.strip())


def _command(name: str, argument: str) -> Command:
    if name in _WITHOUT_ARGUMENT:
        return Mistake(f"{name} stands alone.") if argument else _WITHOUT_ARGUMENT[name]()
    if name == "/open":
        return Open(argument) if argument else Mistake("Say which: /open N or /open name. /list shows them.")
    if name == "/reply":
        return _reply(argument)
    return Mistake(f"There is no command {name}. /help lists them; // sends a message that begins with a slash.")


def _reply(argument: str) -> Command:
    number, _, content = argument.partition(" ")
    digits = number.removeprefix("#")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10 and content.strip()):
        return Mistake("Say what to answer, and what: /reply N text, with N as shown before the message (#N).")
    return Reply(int(digits), content.strip())
