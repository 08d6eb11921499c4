"""`python -m bridge chat` on a terminal: a pseudo-terminal with a person at it."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import struct
import sys
import termios
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fcntl import ioctl
from pathlib import Path

from tests.chat.house import House
from tests.client.scripted import scripted

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0
CURSOR_QUESTION = "\x1b[6n"
CURSOR_ANSWER = "\x1b[5;1R"
COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7][0-9;]*m|\x1b\[[0-9;]*9[0-7][0-9;]*m")


class Terminal:
    """The person's side of a pseudo-terminal."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._news = asyncio.Event()
        self.text = ""

    def read(self) -> None:
        """Take what the program has written."""
        try:
            news = os.read(self._descriptor, 65_536).decode(errors="replace")
        except OSError:  # the program has closed its side
            asyncio.get_running_loop().remove_reader(self._descriptor)
            return
        if CURSOR_QUESTION in news:
            self.type(CURSOR_ANSWER)
        self.text += news
        self._news.set()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._descriptor, keys.encode())

    async def sees(self, words: str) -> None:
        """Wait until something is displayed."""
        while words not in self.text:
            self._news.clear()
            await self._news.wait()


@asynccontextmanager
async def at_terminal(url: str, **environment: str) -> AsyncIterator[tuple[Terminal, Process]]:
    """Start the chat on a terminal of 80 columns; it is killed if it does not end."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    variables = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "chat", "--url", url),
        cwd=ROOT,
        env={**variables, "BRIDGE_TOKEN": "token", "TERM": "xterm-256color"} | environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    terminal = Terminal(ours)
    loop = asyncio.get_running_loop()
    loop.add_reader(ours, terminal.read)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield terminal, process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        loop.remove_reader(ours)
        os.close(ours)


async def test_a_sitting_at_a_terminal() -> None:
    """Open, write, leave: the prompt, colours and the state at the bottom are there, and the way out is clean."""
    house = House()
    async with scripted(house) as server, at_terminal(server.url) as (terminal, process):
        await terminal.sees("connect")  # the state at the bottom; later only its changes are drawn
        await terminal.sees("Weekend")
        terminal.type("/open 1\r")
        await terminal.sees("Alice")
        terminal.type("hello\r")
        await terminal.sees("Bob: ")
        terminal.type("\x03")
        assert await process.wait() == 0
    assert [sent.payload["content"] for sent in house.said] == ["hello"]
    assert COLOUR.search(terminal.text)
    assert "Traceback" not in terminal.text


async def test_colours_can_be_switched_off() -> None:
    """With NO_COLOR set nothing is coloured."""
    async with scripted(House()) as server, at_terminal(server.url, NO_COLOR="1") as (terminal, process):
        await terminal.sees("Weekend")
        terminal.type("/open 1\r")
        await terminal.sees("Alice")
        terminal.type("/quit\r")
        assert await process.wait() == 0
    assert COLOUR.search(terminal.text) is None


async def test_a_simple_terminal_gets_plain_lines() -> None:
    """TERM=dumb means line mode: no escape sequence at all."""
    async with scripted(House()) as server, at_terminal(server.url, TERM="dumb") as (terminal, process):
        await terminal.sees("Weekend")
        terminal.type("/quit\n")
        assert await process.wait() == 0
    assert "\x1b" not in terminal.text
