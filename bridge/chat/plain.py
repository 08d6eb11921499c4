"""Line mode: lines from standard input, lines to standard output; for scripts, tests, pipes and simple terminals."""

from __future__ import annotations

import asyncio
import codecs
import os
from collections.abc import AsyncIterator, Callable, Sequence

from bridge.chat.lines import Line, text_of
from bridge.chat.shell import Shell

CHUNK = 65_536
MAX_LINE = 262_144


class PlainScreen:
    """Writes each line at once, without colours, as wide as it takes."""

    def __init__(self, write: Callable[[str], object]) -> None:
        self._write = write

    def show(self, lines: Sequence[Line]) -> None:
        """Write lines."""
        self._write("".join(f"{text_of(row)}\n" for line in lines for row in line.rows(None)))

    def refresh(self) -> None:
        """Do nothing: there is no prompt and no toolbar."""


async def paced(lines: AsyncIterator[str], shell: Shell) -> AsyncIterator[str]:
    """Give a script's lines one by one, each once the one before is answered, so that a script does what it says."""
    await shell.begun()
    async for line in lines:
        yield line
        await shell.settled()


async def lines_of(descriptor: int) -> AsyncIterator[str]:
    """Read lines without blocking the loop and without changing the descriptor, which others may share."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    while chunk := await _read(descriptor):
        *whole, rest = (rest + decoder.decode(chunk)).split("\n")
        for line in whole:
            yield line
        if len(rest) > MAX_LINE:
            yield rest  # too long for a message anyway; the state says so
            rest = ""
    rest += decoder.decode(b"", final=True)
    if rest:
        yield rest


async def _read(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    try:
        loop.add_reader(descriptor, readable.set)
    except PermissionError:
        return os.read(descriptor, CHUNK)  # quiet: a file, always readable, so it cannot be waited for
    try:
        await readable.wait()
    finally:
        loop.remove_reader(descriptor)
    return os.read(descriptor, CHUNK)
