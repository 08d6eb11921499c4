"""What typed lines mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.chat.commands import (
    BEGINNINGS,
    HELP,
    Command,
    Help,
    Leave,
    ListConversations,
    LogIn,
    Mistake,
    More,
    Open,
    Reply,
    Retry,
    Say,
    parse,
)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("hello", Say("hello")),
        ("  hello  ", Say("hello")),
        ("//etc/hosts", Say("/etc/hosts")),
        ("two\nlines", Say("two\nlines")),
        ("half \ud83d", Say("half ?")),
        ("/list", ListConversations()),
        ("/LIST", ListConversations()),
        ("/open 3", Open("3")),
        ("/open  Weekend trip ", Open("Weekend trip")),
        ("/more", More()),
        ("/reply 12 yes, at eight", Reply(12, "yes, at eight")),
        ("/reply #12 yes", Reply(12, "yes")),
        ("/retry", Retry()),
        ("/login", LogIn()),
        ("/help", Help()),
        ("/quit", Leave()),
        ("/exit", Leave()),
        ("", None),
        ("   ", None),
    ],
)
def test_commands(line: str, command: Command | None) -> None:
    """Each command has one meaning; everything else is said, a doubled slash being one slash."""
    assert parse(line) == command


@pytest.mark.parametrize(
    "line", ["/open", "/reply", "/reply 3", "/reply x y", "/reply ² y", "/dance", "/", "/quit now"]
)
def test_mistakes_say_what_would_be_right(line: str) -> None:
    """A command that cannot be carried out is explained and never sent as a message."""
    assert isinstance(parse(line), Mistake)


@given(st.text(st.characters(codec=None)))
def test_nothing_typed_breaks_the_parser(line: str) -> None:
    """Any text has a meaning, and what would be sent can be put on the wire."""
    command = parse(line)
    if isinstance(command, Say):
        assert command.content.encode()


def test_help_lists_every_command() -> None:
    """No command is missing in the help."""
    explained = {name.split()[0] for name, _ in HELP}
    assert {beginning.strip() for beginning in BEGINNINGS} == explained - {"//text"}
