"""Line mode: reading lines from whatever standard input is."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bridge.chat.lines import Line, complaint
from bridge.chat.plain import MAX_LINE, PlainScreen, lines_of


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """Open a pipe; the writing end is the test's to close."""
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)


async def test_lines_come_as_soon_as_they_are_complete() -> None:
    """A line is given when its end arrives, characters cut in two by the pipe included."""
    with pipe() as (reading, writing):
        lines = lines_of(reading)
        first = asyncio.ensure_future(anext(lines))
        for part in (b"h", "é".encode()[:1], "é".encode()[1:], b"llo\nrest"):
            os.write(writing, part)
            await asyncio.sleep(0)
        assert await first == "héllo"
        os.close(writing)
        assert [line async for line in lines] == ["rest"]


async def test_bytes_that_are_no_text_are_replaced() -> None:
    """Input in another encoding does not end the chat."""
    with pipe() as (reading, writing):
        os.write(writing, b"a\xffb\n\xc3")
        os.close(writing)
        assert [line async for line in lines_of(reading)] == [
            "a\N{REPLACEMENT CHARACTER}b",
            "\N{REPLACEMENT CHARACTER}",
        ]


async def test_a_file_can_be_the_input(tmp_path: Path) -> None:
    """A file cannot be waited for, and need not be."""
    script = tmp_path / "script"
    script.write_text("/open 1\nhello\n")
    with script.open() as file:
        assert [line async for line in lines_of(file.fileno())] == ["/open 1", "hello"]


async def test_endless_input_without_line_ends_is_cut(tmp_path: Path) -> None:
    """A line beyond all bounds is given in pieces and not kept in memory whole."""
    script = tmp_path / "script"
    script.write_text("x" * (3 * MAX_LINE))
    with script.open() as file:
        pieces = [piece async for piece in lines_of(file.fileno())]
    assert len(pieces) > 1
    assert "".join(pieces) == "x" * (3 * MAX_LINE)


def test_lines_are_written_without_styles() -> None:
    """The plain screen writes text and nothing else."""
    written: list[str] = []
    screen = PlainScreen(written.append)
    screen.show([complaint("no"), Line((("class:number", "#1 "),), "a\nb")])
    screen.refresh()
    assert written == ["! no\n#1 a\n   b\n"]
