"""Examples of every frame as it is on the wire: `examples.txt`, executed by tests/specification/test_examples.py."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

SOURCE: Final = Path(__file__).with_name("examples.txt")
FROM_CLIENT: Final = "> "
FROM_BRIDGE: Final = "< "


class Example(Struct, frozen=True, kw_only=True):
    """A command and its answer, or a push by itself; each one line of text."""

    title: str
    command: str | None
    answer: str


def read_examples(text: str) -> dict[str, list[Example]]:
    """Return the examples by the type they are of.

    A block begins with the type, a colon and what happens; `>` is what the client sends, `<` what the bridge does.

    Raises:
        ValueError: a block without a title or an answer.

    """
    found: dict[str, list[Example]] = {}
    for block in re.split(r"\n{2,}", _without_comments(text).strip()):
        heading, *lines = block.split("\n")
        name, colon, title = heading.partition(": ")
        if not colon:
            raise ValueError(f"an example needs a heading like `type: what happens`, not {heading!r}")
        found.setdefault(name, []).append(_example(name, title, lines))
    return found


def _without_comments(text: str) -> str:
    return "\n".join(line for line in text.splitlines() if not line.startswith("#"))


def _example(name: str, title: str, lines: Sequence[str]) -> Example:
    commands = [line.removeprefix(FROM_CLIENT) for line in lines if line.startswith(FROM_CLIENT)]
    answers = [line.removeprefix(FROM_BRIDGE) for line in lines if line.startswith(FROM_BRIDGE)]
    if len(answers) != 1 or len(commands) > 1 or len(lines) != len(commands) + 1:
        raise ValueError(f"the example of {name} is not one answer with at most one command before it")
    return Example(title=title, command=commands[0] if commands else None, answer=answers[0])


EXAMPLES: Final[Mapping[str, Sequence[Example]]] = read_examples(SOURCE.read_text(encoding="utf-8"))
"""By wire type of the command or push; `error` shows a refusal."""
