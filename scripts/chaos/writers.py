"""Writers: WebSocket clients that repeat until they are answered, and legacy ones that write straight to the tables."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Protocol

import httpx
import psycopg

from bridge.client import ClientError, RequestRefused
from bridge.errors import ErrorCode
from scripts.chaos.client import LIMITS, TrialClient
from scripts.chaos.history import Acknowledged, GivenUp, Repeating, Sent
from scripts.chaos.readers import RHYTHM
from scripts.chaos.recorder import Recorder
from scripts.sandbox.address import SandboxAddress

WINDOW = 8
"""Messages of one writer that are on their way at once."""

TRANSIENT = frozenset({ErrorCode.DATABASE_ERROR, ErrorCode.SERVER_ERROR, ErrorCode.AUTH_ERROR})
REQUEST_SECONDS = 60.0


class Order(Protocol):
    """Where the next message comes from."""

    async def __call__(self) -> tuple[str, str] | None:
        """Return key and conversation of the next message; None when there are no more."""


class SocketWriter:
    """Sends over the WebSocket, each message with a `clientMessageId`, until all are answered."""

    def __init__(self, url: str, token: str, order: Order, recorder: Recorder) -> None:
        self._url = url
        self._token = token
        self._order = order
        self._recorder = recorder
        self._unanswered: deque[tuple[str, str]] = deque()
        self._is_over = False

    async def run(self) -> None:
        """Send everything."""
        for attempt in count():
            try:
                async with TrialClient.connect(self._url, limits=LIMITS) as client:
                    await client.authenticate(self._token)
                    await self._work(client)
            except (ClientError, TimeoutError) as failure:
                _require_transient(failure)
            if self._is_over:
                return
            await asyncio.sleep(RHYTHM.pause(min(attempt, 3), random.random()))

    async def _work(self, client: TrialClient) -> None:
        """Repeat what was not answered, in the order in which it was written; then write on."""
        again = deque(self._unanswered)
        for key, _ in again:
            self._recorder.note(Repeating(at=self._recorder.now(), key=key))
        while True:
            window = [again.popleft() for _ in range(min(WINDOW, len(again)))] or await self._fresh()
            if not window:
                self._is_over = True
                return
            answers = await asyncio.gather(*(self._send(client, *one) for one in window), return_exceptions=True)
            failures = [one for one in answers if isinstance(one, BaseException)]
            if failures:
                raise failures[0]

    async def _fresh(self) -> list[tuple[str, str]]:
        wanted = [await self._order() for _ in range(WINDOW)]
        fresh = [one for one in wanted if one is not None]
        for key, conversation_id in fresh:
            self._recorder.note(Sent(at=self._recorder.now(), key=key, conversation_id=conversation_id))
        self._unanswered.extend(fresh)
        return fresh

    async def _send(self, client: TrialClient, key: str, conversation_id: str) -> None:
        sent = await client.send_message(conversation_id, key, client_message_id=key)
        self._unanswered.remove((key, conversation_id))
        self._recorder.note(Acknowledged(at=self._recorder.now(), key=key, message_id=sent.id))


def _require_transient(failure: Exception) -> None:
    """Let a failure pass after which one repeats."""
    if isinstance(failure, RequestRefused) and failure.code not in TRANSIENT:
        raise failure


class LegacyWriter:
    """Inserts through PostgREST as a logged-in user; what fails is not repeated, and nobody knows what became of it."""

    def __init__(
        self, sandbox: SandboxAddress, user_id: str, token: str, order: Order, recorder: Recorder, skew: Iterator[float]
    ) -> None:
        self._sandbox = sandbox
        self._user_id = user_id
        self._token = token
        self._order = order
        self._recorder = recorder
        self._skew = skew

    async def run(self) -> None:
        """Write everything, one after the other."""
        headers = {"apikey": self._sandbox.publishable_key, "Authorization": f"Bearer {self._token}"}
        async with httpx.AsyncClient(
            base_url=self._sandbox.url, headers=headers, timeout=REQUEST_SECONDS, verify=False
        ) as http:
            while (wanted := await self._order()) is not None:
                await self._write(http, *wanted)

    async def _write(self, http: httpx.AsyncClient, key: str, conversation_id: str) -> None:
        row = legacy_row(conversation_id, self._user_id, key, next(self._skew))
        self._recorder.note(Sent(at=self._recorder.now(), key=key, conversation_id=conversation_id))
        try:
            answer = await http.post("/rest/v1/messages", json=row)
            answer.raise_for_status()
        except httpx.HTTPError:
            self._recorder.note(GivenUp(at=self._recorder.now(), key=key))
            await asyncio.sleep(RHYTHM.pause(3, random.random()))
        else:
            self._recorder.note(Acknowledged(at=self._recorder.now(), key=key, message_id=row["id"]))


def legacy_row(conversation_id: str, user_id: str, key: str, skew_seconds: float) -> dict[str, str]:
    """Return a message as a browser writes it, by its own clock (contract F25)."""
    written_at = datetime.now(UTC) + timedelta(seconds=skew_seconds)
    return {
        "id": str(uuid.uuid4()),
        "conversation_id": conversation_id,
        "sender_id": user_id,
        "message_type": "text",
        "encrypted_content": key,
        "created_at": written_at.isoformat(timespec="milliseconds"),
    }


_INSERT = """
insert into messages (id, conversation_id, sender_id, message_type, encrypted_content, created_at)
values (%(id)s, %(conversation_id)s, %(sender_id)s, %(message_type)s, %(encrypted_content)s, %(created_at)s)
"""


class LateWriter:
    """Writes in transactions that are open while others write and commit: its rows appear late, with early times."""

    def __init__(self, dsn: str, user_id: str, order: Order, recorder: Recorder, others: int) -> None:
        self._dsn = dsn
        self._user_id = user_id
        self._order = order
        self._recorder = recorder
        self._others = others
        """How many messages of others are to be settled before each commit."""

    async def run(self) -> None:
        """Write everything."""
        async with await psycopg.AsyncConnection.connect(self._dsn) as connection:
            while (wanted := await self._order()) is not None:
                key, conversation_id = wanted
                row = legacy_row(conversation_id, self._user_id, key, 0.0)
                self._recorder.note(Sent(at=self._recorder.now(), key=key, conversation_id=conversation_id))
                await connection.execute(_INSERT, row)
                await self._while_others_write()
                await connection.commit()
                self._recorder.note(Acknowledged(at=self._recorder.now(), key=key, message_id=row["id"]))

    async def _while_others_write(self) -> None:
        before = len(self._recorder.settled)
        # Nobody writes any more towards the end: then there is nothing to wait for.
        for _ in range(20):
            if len(self._recorder.settled) >= before + self._others:
                return
            await asyncio.sleep(0.05)
