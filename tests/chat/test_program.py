"""`python -m bridge chat` as a process of its own, in line mode."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import threading
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from bridge.chat import add_arguments, main
from tests.chat.house import House
from tests.client.scripted import scripted

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60.0


@asynccontextmanager
async def chatting(url: str, *arguments: str) -> AsyncIterator[Process]:
    """Run the program against a house; it is killed if it does not end."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bridge", "chat", "--url", url, *arguments),
        cwd=ROOT,
        env={**os.environ, "BRIDGE_TOKEN": "token"},
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@contextmanager
def house_elsewhere(house: House) -> Iterator[str]:
    """Serve a house from another thread; yields its address."""
    address: Future[str] = Future()
    leaving = threading.Event()

    async def serve() -> None:
        async with scripted(house) as server:
            address.set_result(server.url)
            await asyncio.to_thread(leaving.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    try:
        yield address.result(PATIENCE_SECONDS)
    finally:
        leaving.set()
        thread.join()


def test_the_program_in_this_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file as input: its lines are sent, and the status is 0."""
    house = House()
    (tmp_path / "lines").write_text("/open 1\nhello\n")
    with house_elsewhere(house) as url, (tmp_path / "lines").open() as lines:
        monkeypatch.setattr(sys, "stdin", lines)
        parser = argparse.ArgumentParser()
        add_arguments(parser)
        assert main(parser.parse_args(["--token", "x", "--url", url])) == 0
    assert "Bob: hello\n" in capsys.readouterr().out
    assert [sent.payload["content"] for sent in house.said] == ["hello"]


async def test_a_script_talks_through_a_pipe() -> None:
    """Lines in, lines out, status 0; nothing on standard error and no escape sequence anywhere."""
    house = House()
    async with scripted(house) as server, chatting(server.url, "--open", "weekend") as process:
        out, err = await process.communicate("hello from a pipe ✓\n".encode())
    assert (process.returncode, err.decode()) == (0, "")
    assert "Bob: hello from a pipe ✓\n" in out.decode()
    assert b"\x1b" not in out
    assert [sent.payload["content"] for sent in house.said] == ["hello from a pipe ✓"]


async def test_an_interrupt_leaves_quietly() -> None:
    """Ctrl-C ends line mode with the usual status and without a traceback."""
    async with scripted(House()) as server, chatting(server.url) as process:
        assert process.stdout is not None
        await process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = await process.communicate()
    assert (process.returncode, err.decode()) == (130, "")


async def test_a_reader_that_goes_away_ends_it_quietly() -> None:
    """When nobody reads its output any more, the chat ends without a traceback."""
    async with scripted(House()) as server, chatting(server.url) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        await process.stdout.readline()
        process.stdout._transport.close()  # type: ignore[attr-defined]  # the only way to close one's end
        process.stdin.write(b"/help\n" * 3)
        assert await process.wait() == 1
        assert process.stderr is not None
        assert await process.stderr.read() == b""


async def test_no_bridge_there() -> None:
    """An address where nothing listens: one sentence and status 1."""
    async with chatting("ws://127.0.0.1:1/ws") as process:
        out, err = await process.communicate()
    assert process.returncode == 1
    assert (out + err).decode() == "! ws://127.0.0.1:1/ws cannot be reached: Connection refused.\n"
