"""A runbook as it is written: commands with what is to be seen, and files to write, in their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_BLOCK: Final = re.compile(r"(<!-- not run here: .+ -->\n\n)?^```(console|toml)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_STATUS: Final = re.compile(r"(.*?)  # exit status (\d)")
_ANY: Final = "…"


class Differs(AssertionError):
    """A command did not end, or did not say, what is written below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What is typed, how it ends, and the lines that are to be seen, `…` for what differs."""

    text: str
    status: int
    lines: tuple[str, ...]

    def compare(self, status: int, said: str) -> None:
        """See that it is as written: the same status, and every line in its place among others.

        Raises:
            Differs: it is not.

        """
        if status != self.status:
            raise Differs(f"`{self.text}` ended with {status} instead of {self.status}:\n{said}")
        unseen = iter(said.splitlines())
        for line in self.lines:
            if not any(_matches(line, one) for one in unseen):
                raise Differs(f"`{self.text}` did not say `{line}` where it is written:\n{said}")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file that is written by hand; its first line names it."""

    name: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What stands under one heading."""

    title: str
    steps: tuple[Command | File, ...]


def parts(text: str) -> list[Part]:
    """Return the parts of a runbook; what is marked as not run here is left out."""
    sections = re.split(r"^## (.+)$", text, flags=re.MULTILINE)[1:]
    return [Part(title=title, steps=tuple(_steps(body))) for title, body in zip(*[iter(sections)] * 2, strict=True)]


def _steps(body: str) -> Iterator[Command | File]:
    for block in _BLOCK.finditer(body):
        is_left_out, kind, text = block.groups()
        if kind == "toml":
            yield File(name=text.splitlines()[0].removeprefix("# "), text=text)
        elif not is_left_out:
            yield from _commands(text)


def _commands(text: str) -> Iterator[Command]:
    for typed in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        first, *lines = typed.splitlines()
        found = _STATUS.fullmatch(first)
        command, status = (found[1], int(found[2])) if found else (first, 0)
        yield Command(text=command, status=status, lines=tuple(one for one in lines if one.strip() not in ("", _ANY)))


def _matches(written: str, line: str) -> bool:
    return re.fullmatch(".*?".join(map(re.escape, written.split(_ANY))), line) is not None
