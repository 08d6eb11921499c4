"""People who write and read while the runbook is followed: on both paths, and through an old endpoint."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count, groupby, repeat
from typing import Final

import httpx

from scripts.chaos.checker import Member, Verdict, check
from scripts.chaos.client import LIMITS, TrialClient
from scripts.chaos.ground import Person, Tables
from scripts.chaos.history import Acknowledged, Kind, Loaded
from scripts.chaos.readers import PAGE, Reader
from scripts.chaos.recorder import Recorder
from scripts.chaos.writers import REQUEST_SECONDS, LegacyWriter, SocketWriter
from scripts.sandbox.address import SandboxAddress

PACE_SECONDS: Final = 0.3
OLD_ENDPOINT: Final = "/api/chat/groups"
AWAY: Final = frozenset({502, 503})


class Once:
    """Hands out one message."""

    def __init__(self, key: str, conversation_id: str) -> None:
        self._left = [(key, conversation_id)]

    async def __call__(self) -> tuple[str, str] | None:
        """Return it, and then nothing more."""
        return self._left.pop() if self._left else None


@dataclass(kw_only=True)
class Traffic:
    """Everybody of one chat, and what they saw."""

    tables: Tables
    address: str
    """Of the bridge, for HTTP."""
    conversation_id: str
    old: Person
    new: Person
    readers: list[Reader]
    recorder: Recorder
    bridges: int = 0
    """How many have been started."""
    written: Counter[str] = field(default_factory=Counter)
    """By who writes: how many messages are settled."""
    answers: list[int] = field(default_factory=list)
    """Of the old endpoint, in the order in which they came."""
    is_over: asyncio.Event = field(default_factory=asyncio.Event)
    """Nobody begins anything more."""
    may_write: asyncio.Event = field(default_factory=asyncio.Event)
    """Nobody begins a message while it is not set."""

    @property
    def url(self) -> str:
        """Return where sockets go."""
        return f"{self.address.replace('http://', 'ws://')}/ws"

    async def write_the_old_way(self) -> None:
        """Insert through PostgREST, one message after the other."""
        sandbox, person = self.tables.sandbox, self.old
        await self._keep_on(
            "legacy",
            lambda once: LegacyWriter(sandbox, person.user_id, person.token, once, self.recorder, repeat(0.0)).run(),
        )

    async def write_the_new_way(self) -> None:
        """Send over a socket, each message on a connection of its own, as often as it takes."""
        await self._keep_on("socket", lambda once: SocketWriter(self.url, self.new.token, once, self.recorder).run())

    async def _keep_on(self, kind: str, write: Callable[[Once], Awaitable[None]]) -> None:
        for number in count(1):
            if await self._pause():
                return
            await self.may_write.wait()
            await write(Once(f"{kind} {number:06}", self.conversation_id))
            self.written[kind] += 1

    async def ask_the_old_endpoint(self) -> None:
        """Ask as an old page does; between two bridges nobody answers."""
        headers = {"Authorization": f"Bearer {self.old.token}"}
        async with httpx.AsyncClient(base_url=self.address, headers=headers, timeout=REQUEST_SECONDS) as http:
            while not await self._pause():
                with suppress(httpx.TransportError):  # the bridge is being restarted
                    self.answers.append((await http.get(OLD_ENDPOINT)).status_code)

    @contextmanager
    def in_silence(self) -> Iterator[None]:
        """Let nobody begin a message until the block ends."""
        self.may_write.clear()
        try:
            yield
        finally:
            self.may_write.set()

    async def _pause(self) -> bool:
        """Wait as people do between two messages; tell whether it is over."""
        try:
            async with asyncio.timeout(PACE_SECONDS):
                return await self.is_over.wait()
        except TimeoutError:  # quiet: it goes on
            return False

    async def come(self) -> None:
        """Wait until every reader is connected, and let each read what was written before."""
        for reader in self.readers:
            await reader.came()
            await self._read_all(reader.member.name)

    async def _read_all(self, name: str) -> None:
        async with TrialClient.connect(self.url, limits=LIMITS) as client:
            await client.authenticate(self.new.token)
            page = await client.load_messages(self.conversation_id, limit=PAGE)
            self._note(name, [one.id for one in page.messages])
            while page.has_more:
                page = await client.load_more_messages(self.conversation_id, page.messages[0].id, limit=PAGE)
                self._note(name, [one.id for one in page.messages])

    def _note(self, name: str, ids: list[str]) -> None:
        self.recorder.note(
            Loaded(at=self.recorder.now(), reader=name, conversation_id=self.conversation_id, message_ids=tuple(ids))
        )

    async def goes_on(self, kinds: tuple[str, ...]) -> None:
        """Wait until each kind of writer has written something that it began after now."""
        before = {kind: self.written[kind] for kind in kinds}
        # One may have been on its way; the next one was not.
        await self.recorder.until(lambda: all(self.written[kind] >= before[kind] + 2 for kind in kinds))

    async def ids(self) -> list[str]:
        """Return the ids of all messages in the table."""
        return [row.id for row in await self.tables.rows([self.conversation_id])]

    async def everybody_knows(self) -> None:
        """Wait until every reader has everything."""
        ids = set(await self.ids())
        await self.recorder.until_known({reader.member.name for reader in self.readers}, ids)

    async def verdict(self) -> Verdict:
        """Hold what everybody saw against the table."""
        rows = await self.tables.rows([self.conversation_id])
        return check(self.recorder.events, rows, [reader.member for reader in self.readers])

    async def loaded_the_old_way(self) -> list[str]:
        """Return the ids that an old page shows when it is loaded."""
        sandbox = self.tables.sandbox
        headers = {"apikey": sandbox.publishable_key, "Authorization": f"Bearer {self.old.token}"}
        found: list[str] = []
        async with httpx.AsyncClient(base_url=sandbox.url, headers=headers, verify=False) as http:
            while True:
                query = {
                    "select": "id",
                    "conversation_id": f"eq.{self.conversation_id}",
                    "order": "created_at,id",
                    "limit": f"{PAGE}",
                    "offset": f"{len(found)}",
                }
                page = (await http.get("/rest/v1/messages", params=query)).raise_for_status().json()
                found += [one["id"] for one in page]
                if len(page) < PAGE:
                    return found

    @property
    def acknowledged(self) -> list[str]:
        """Return the ids that writers were told."""
        return [one.message_id for one in self.recorder.events if isinstance(one, Acknowledged)]

    @property
    def answered(self) -> list[int]:
        """Return how the old endpoint answered, one after the other, each once."""
        return [status for status, _ in groupby(one for one in self.answers if one not in AWAY)]


async def gather(sandbox: SandboxAddress, operator: httpx.AsyncClient, address: str) -> Traffic:
    """Make the people and their conversation, and one that lacks its creator, for `fix` to mend."""
    tables, recorder = Tables(sandbox, operator), Recorder()
    old, new, *audience = [await tables.person() for _ in range(4)]
    conversation_id = await tables.conversation([old, new, *audience])
    await tables.run(
        "insert into conversations (id, type, name, created_by) values (%s, 'group', 'damaged', %s)",
        *(str(uuid.uuid4()), new.user_id),
    )
    traffic = Traffic(
        tables=tables, address=address, conversation_id=conversation_id, old=old, new=new, readers=[], recorder=recorder
    )
    for kind, person in zip((Kind.CURSOR, Kind.RELOAD), audience, strict=True):
        member = Member(name=kind.value, kind=kind, conversations=frozenset([conversation_id]))
        traffic.readers.append(Reader(member, traffic.url, person.token, recorder, lambda: str(traffic.bridges)))
    return traffic
