"""The Data API and Auth as a child process: Node with the embedding in `node/data_api.mjs`."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import PIPE, Process
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from scripts.sandbox.keys import Keys
from scripts.sandbox.npm import node_command

KEPT_LOG_LINES = 40
READY_SECONDS = 60.0
STOP_SECONDS = 5.0


class DataApiError(Exception):
    """The Data API did not start or ended; the text quotes its last words."""


class DataApi:
    """Runs the child; `url` is where it answers once it is started."""

    def __init__(self, *, dsn: str, keys: Keys, site_url: str) -> None:
        self.url = ""
        self._settings = json.dumps({"url": dsn, "jwtSecret": keys.jwt_secret, "siteUrl": site_url})
        self._last_lines: deque[str] = deque(maxlen=KEPT_LOG_LINES)
        self._process: Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Start the child and wait until it answers.

        Raises:
            DataApiError: it ended instead, or took too long.

        """
        self._process = process = await asyncio.create_subprocess_exec(
            *node_command("data_api.mjs"),
            env={**os.environ, "SANDBOX_DATA_API": self._settings, "NODE_NO_WARNINGS": "1"},
            stdin=PIPE,  # the child ends when this closes, so it cannot outlive us
            stdout=PIPE,
            stderr=PIPE,
            start_new_session=True,  # Ctrl-C in a terminal reaches us only; we end the parts in order
        )
        self._listening = asyncio.create_task(self._listen(process), name="log of the Data API")
        try:
            async with asyncio.timeout(READY_SECONDS):
                line = await _pipe(process.stdout).readline()
        except TimeoutError as error:
            raise DataApiError(
                f"The Data API was not ready after {READY_SECONDS:.0f} s. {self.last_words()}"
            ) from error
        if not line:
            await self._listening
            raise DataApiError(f"The Data API ended with status {await process.wait()}. {self.last_words()}")
        self.url = f"http://127.0.0.1:{json.loads(line)['port']}"

    async def died(self) -> None:
        """Wait until the child ends by itself, then say so.

        Raises:
            DataApiError: always.

        """
        while True:
            process = self._process
            if process is None:
                raise RuntimeError("not started")
            status = await process.wait()
            async with self._turn:  # whoever replaces it holds this
                if self._process is process:
                    raise DataApiError(f"The Data API ended with status {status}. {self.last_words()}")

    @asynccontextmanager
    async def replaced(self) -> AsyncIterator[None]:
        """Do something that its database client does not survive, though PostgREST would; then there is a new child."""
        async with self._turn:
            yield
            await self.stop()
            await self.start()

    async def stop(self) -> None:
        """End the child and wait for it; harmless if it never started."""
        process, self._process = self._process, None
        if process is None:
            return
        _stdin(process).close()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._listening is not None:
            await self._listening

    def last_words(self) -> str:
        """Return what the child printed last, for people."""
        if not self._last_lines:
            return "It printed nothing."
        return "Its last words:\n" + "\n".join(f"    {line}" for line in self._last_lines)

    async def _listen(self, process: Process) -> None:
        async for line in _pipe(process.stderr):
            self._last_lines.append(line.decode(errors="replace").rstrip())


def _pipe(stream: asyncio.StreamReader | None) -> asyncio.StreamReader:
    if stream is None:
        raise AssertionError("started without a pipe")
    return stream


def _stdin(process: Process) -> asyncio.StreamWriter:
    if process.stdin is None:
        raise AssertionError("started without a pipe")
    return process.stdin
