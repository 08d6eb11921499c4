"""Readers: they stay connected, come back as their kind does, and note what they are told and what they load."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from itertools import count

import structlog

from bridge.client import ClientError, ConnectionLost, RequestRefused
from bridge.client.frames import Authenticated, MessagesLoaded
from bridge.client.reconnecting import Rhythm
from bridge.errors import ErrorCode
from scripts.chaos.checker import Member
from scripts.chaos.client import LIMITS, Listener, TrialClient
from scripts.chaos.history import Came, Kind, Loaded, Received, ShutOut
from scripts.chaos.recorder import Recorder

RHYTHM = Rhythm(first_pause_seconds=0.1, longest_pause_seconds=2.0, steady_after_seconds=1.0)
"""As docs/protocol.md says, ten times quicker."""

PAGE = 200

log = structlog.get_logger(__name__)


class Reader(Listener):
    """One member's client; `run` until cancelled. `process` tells which process of the bridge is there to come to."""

    def __init__(self, member: Member, url: str, token: str, recorder: Recorder, process: Callable[[], str]) -> None:
        self.member = member
        self.client: TrialClient | None = None
        self._url = url
        self._token = token
        self._recorder = recorder
        self._process = process
        self._cursor: str | None = None
        self._connection = 0
        self._numbers = count(1)
        self._last_page: dict[str, frozenset[str]] = {}
        """By conversation the newest page of the last time that everything was loaded."""
        self._has_to_load = False
        self._came = asyncio.Event()
        self.is_shut_out = False

    async def came(self) -> None:
        """Wait until it is connected, and has loaded what it has to."""
        await self._came.wait()

    async def ask_whether_member(self, conversation_id: str) -> None:
        """Do what members only may do; `denied` hears of the refusal."""
        await self._came.wait()
        if self.client is None:
            return
        try:
            await self.client.join_conversation(conversation_id)
        except ClientError as failure:
            log.debug("chaos.not_joined", cause=str(failure))

    async def run(self) -> None:
        """Stay connected for ever."""
        for attempt in count():
            try:
                async with TrialClient.connect(self._url, limits=LIMITS) as client:
                    client.listener = self
                    await self._serve(client)
            except (ClientError, TimeoutError):
                self.client = None
                self._came.clear()
            await asyncio.sleep(RHYTHM.pause(min(attempt, 3), random.random()))

    async def _serve(self, client: TrialClient) -> None:
        self._connection = next(self._numbers)
        is_first = self._connection == 1
        capabilities = ("resume",) if self.member.kind is Kind.CURSOR else ()
        welcome = await client.authenticate(self._token, capabilities=capabilities, cursor=self._cursor)
        self._has_to_load |= not is_first and (self.member.kind is Kind.RELOAD or not self._is_told(welcome))
        if self._has_to_load:
            for conversation_id in self.member.conversations:
                await self._reload(client, conversation_id)
        self._has_to_load = False  # not before: it may be cut off in the middle, and then resume what came meanwhile
        self.client = client
        self._came.set()
        async for _ in client.pushes():
            pass  # `received` has noted it

    def _is_told(self, welcome: Authenticated) -> bool:
        """Tell whether it may rely on being told what it missed."""
        return self.member.kind is Kind.PLAIN or welcome.resumed

    async def _reload(self, client: TrialClient, conversation_id: str) -> None:
        """Load page by page until one reaches back to what was loaded last time.

        Not to the newest message that was pushed: while the bridge looks for what it has missed, newer ones overtake.
        """
        last_page = self._last_page.get(conversation_id, frozenset())
        try:
            page = await client.load_messages(conversation_id, limit=PAGE)
            newest = self._note_page(conversation_id, page)
            reached = newest
            while page.has_more and page.messages and last_page.isdisjoint(reached):
                page = await client.load_more_messages(conversation_id, page.messages[0].id, limit=PAGE)
                reached = self._note_page(conversation_id, page)
        except RequestRefused as refused:
            if refused.code == ErrorCode.ACCESS_DENIED:
                return  # no member any more, which `denied` has noted: there is nothing to be loaded
            raise ConnectionLost(f"not loaded: {refused}") from refused  # so it begins again, as a person would
        self._last_page[conversation_id] = newest

    def _note_page(self, conversation_id: str, page: MessagesLoaded) -> frozenset[str]:
        ids = tuple(message.id for message in page.messages)
        self._recorder.note(
            Loaded(at=self._recorder.now(), reader=self.member.name, conversation_id=conversation_id, message_ids=ids)
        )
        return frozenset(ids)

    def welcomed(self, welcome: Authenticated) -> None:
        """Note that it is there; what it showed is used up."""
        self._cursor = welcome.cursor if self.member.kind is Kind.CURSOR else None
        self._recorder.note(
            Came(
                at=self._recorder.now(),
                reader=self.member.name,
                connection=self._connection,
                process=self._process(),
                resumed=welcome.resumed,
            )
        )

    def received(self, message_id: str, conversation_id: str, cursor: str | None) -> None:
        """Note a message, and keep its cursor if this kind of client knows of such."""
        if self.member.kind is Kind.CURSOR:
            self._cursor = cursor
        self._recorder.note(
            Received(
                at=self._recorder.now(),
                reader=self.member.name,
                connection=self._connection,
                conversation_id=conversation_id,
                message_id=message_id,
            )
        )

    def denied(self) -> None:
        """Note that it is no member any more; it asks about one conversation only."""
        self.is_shut_out = True
        for conversation_id in self.member.conversations:
            self._recorder.note(
                ShutOut(at=self._recorder.now(), reader=self.member.name, conversation_id=conversation_id)
            )
