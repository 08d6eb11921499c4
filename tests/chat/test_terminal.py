"""The prompt and what is printed above it, with a keyboard and a display of the test's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.data_structures import Size
from prompt_toolkit.document import Document
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from bridge.chat.shell import Shell
from bridge.chat.state import Chat, Reader
from bridge.chat.terminal import TerminalScreen, Words, typed_lines
from bridge.clock import SystemClock
from bridge.ids import fresh_id
from tests.chat.house import House, shell_at
from tests.client.scripted import eventually, message, scripted


class Display(DummyOutput):
    """Forty columns that remember what was written on them."""

    def __init__(self) -> None:
        self.text = ""

    def get_size(self) -> Size:
        """Return a narrow terminal."""
        return Size(rows=30, columns=40)

    def write(self, data: str) -> None:
        """Remember."""
        self.text += data

    def write_raw(self, data: str) -> None:
        """Remember what reaches the terminal unfiltered."""
        self.text += data


class Sitting:
    """Somebody at a terminal."""

    def __init__(self, keyboard: PipeInput, display: Display) -> None:
        self.keyboard = keyboard
        self.display = display

    async def sees(self, text: str) -> None:
        """Wait until this has been displayed."""
        await eventually(lambda: text in self.display.text)


@contextmanager
def sitting() -> Iterator[Sitting]:
    """Put a keyboard and a display in the place of the terminal."""
    display = Display()
    with create_pipe_input() as keyboard, create_app_session(input=keyboard, output=display):
        yield Sitting(keyboard, display)


def chat_at(url: str, display: Display) -> tuple[Chat, Shell]:
    """Return a chat on that display."""
    return shell_at(url, TerminalScreen(display))


async def test_reading_and_typing() -> None:
    """What is typed is sent; what comes is printed, wrapped, above the prompt, whatever stands in it."""
    house = House()
    house.pushes = [message(8, content="one two three four five six seven")]
    async with scripted(house) as server, asyncio.TaskGroup() as group:
        with sitting() as at:
            chat, shell = chat_at(server.url, at.display)
            running = group.create_task(shell.run(typed_lines(chat, SystemClock())))
            await at.sees("Weekend")
            at.keyboard.send_text("/open 1\rtwo\x1b\rli")
            await at.sees("seven")
            at.keyboard.send_text("nes\r")
            await at.sees("Bob: ")
            at.keyboard.send_text("/quit\r")
            assert await running == 0
    assert "#2   10:08 Alice: one two three four\r\n" in at.display.text
    assert [sent.payload["content"] for sent in house.said] == ["two\nlines"]
    assert chat.prompt() == "Weekend> "


@pytest.mark.parametrize("key", ["\x03", "\x04"])
async def test_control_c_and_control_d_leave(key: str) -> None:
    """Both keys end the chat cleanly."""
    async with scripted(House()) as server:
        with sitting() as at:
            chat, shell = chat_at(server.url, at.display)
            at.keyboard.send_text(key)
            assert await shell.run(typed_lines(chat, SystemClock())) == 0


async def test_nothing_others_write_reaches_the_terminal_as_a_command() -> None:
    """Escape sequences in a message are displayed as signs, also by the toolkit's own way of writing."""
    house = House()
    house.pushes = [message(8, content="\x1b]0;owned\x07\x1b[2J\x9b2J")]
    async with scripted(house) as server:
        with sitting() as at:
            _, shell = chat_at(server.url, at.display)

            async def person(shell: Shell) -> AsyncIterator[str]:
                await at.sees("Weekend")
                yield "/open 1"
                await at.sees("owned")

            assert await shell.run(person) == 0
    assert "\x1b" not in at.display.text
    assert "\x9b" not in at.display.text
    assert "␛]0;owned␇" in at.display.text


def test_completion_knows_commands_and_conversations() -> None:
    """The beginning of a command or of /open with a name is completed; messages are not."""
    words = Words(Chat(Reader(fresh_key=fresh_id)))
    assert [found.text for found in words.get_completions(Document("/re"), CompleteEvent())] == ["/retry", "/reply "]
    assert not list(words.get_completions(Document("re"), CompleteEvent()))
