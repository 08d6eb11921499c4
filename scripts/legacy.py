"""A legacy client as a child process: the real supabase-js, driven line by line (scripts/sandbox/node/legacy.mjs)."""

from __future__ import annotations

import asyncio
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.npm import node_command

Row = Mapping[str, Any]
ANSWER_SECONDS = 30.0


class LegacyRefused(Exception):
    """PostgREST or Realtime answered with an error; the text is its message."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A row that Realtime pushed to the legacy client, and when it came."""

    row: Row
    at: float


class LegacyClient:
    """What an L client can do without any server of the app."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._answers: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._number = 0
        self.pushed: asyncio.Queue[Pushed] = asyncio.Queue()

    async def send(self, conversation_id: str, user_id: str, text: str, **columns: object) -> Row:
        """Insert a message as the store's sendMessage does, browser clock included."""
        row = {
            "conversation_id": conversation_id,
            "message_type": "text",
            "encrypted_content": text,
            "metadata": {},
            "sender_id": user_id,
            "created_at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            **columns,
        }
        return dict(await self._ask("send", row=row))

    async def load(self, conversation_id: str) -> list[Row]:
        """Read a conversation's messages, oldest first."""
        return list(await self._ask("load", conversationId=conversation_id))

    async def insert(self, table: str, row: Row) -> None:
        """Insert any row, as a rude client might."""
        await self._ask("insert", table=table, row=row)

    async def subscribe(self, conversation_id: str) -> None:
        """Subscribe to a conversation's new messages; returns when the server confirmed that they flow."""
        await self._ask("subscribe", conversationId=conversation_id)

    async def listen(self) -> None:
        """Sort answers from pushed rows until the process ends."""
        if self._process.stdout is None:
            raise AssertionError("started without a pipe")
        async for line in self._process.stdout:
            told = msgspec.json.decode(line)
            if "pushed" in told:
                self.pushed.put_nowait(Pushed(told["pushed"], time.time()))
            else:
                self._answers.pop(told["id"]).set_result(told)

    async def _ask(self, command: str, **details: object) -> Any:
        if self._process.stdin is None:
            raise AssertionError("started without a pipe")
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        line = msgspec.json.encode({"id": self._number, "command": command, **details}) + b"\n"
        self._process.stdin.write(line)
        async with asyncio.timeout(ANSWER_SECONDS):
            told = await answer
        if told["error"]:
            raise LegacyRefused(str(told["error"].get("message")))
        return told["data"]


@asynccontextmanager
async def legacy_client(sandbox: SandboxAddress, token: str) -> AsyncIterator[LegacyClient]:
    """Run a legacy client logged in with this access token until the block ends."""
    command = node_command("legacy.mjs", sandbox.url, sandbox.publishable_key, token)
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=1 << 20)
    client = LegacyClient(process)
    try:
        async with asyncio.TaskGroup() as tasks:
            listening = tasks.create_task(client.listen())
            yield client
            listening.cancel()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
