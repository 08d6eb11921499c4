"""The whole sandbox: starts its parts in order, tells where they are, notices a death, ends them in reverse order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import NoReturn, Self, TypeVar
from urllib.parse import urlsplit

import psycopg

from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.api_faults import ApiFaults
from scripts.sandbox.control import Control
from scripts.sandbox.data_api import DataApi, DataApiError
from scripts.sandbox.gateway import LOOPBACK, Gateway, PortTaken
from scripts.sandbox.generations import Generation
from scripts.sandbox.keys import Keys, Signing
from scripts.sandbox.npm import NodeError, ensure_node_packages
from scripts.sandbox.people import People
from scripts.sandbox.postgres import Postgres, PostgresError, Publication
from scripts.sandbox.proxy import Proxy
from scripts.sandbox.realtime import Faults, RealtimeServer, Timing

POSTGRES_PORT = 5432
DATABASE_PROBE_SECONDS = 2.0
DATABASE_SILENCE_SECONDS = 10.0

T = TypeVar("T")
_EXPECTED = (NodeError, PostgresError, DataApiError, PortTaken, psycopg.Error)


class SandboxError(Exception):
    """A part did not start or ended by itself; the text says which, and quotes its last words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a sandbox is to be.

    Attributes:
        port: of the gateway; 0 takes a free one.
        database_url: a superuser's URL of a PostgreSQL to use instead of one of our own.
        signing: how access tokens are signed.
        generation: of the schema.
        publication: which tables emit changes from the start.
        seed: whether there are sample people and conversations.
        timing: how long Realtime waits where the hosted one waits.

    """

    port: int = 0
    database_url: str | None = None
    signing: Signing = "HS256"
    generation: Generation = "db1"
    publication: Publication = "full"
    seed: bool = True
    timing: Timing = field(default_factory=Timing)


class Sandbox:
    """A local Supabase for as long as the `async with` lasts."""

    def __init__(self, options: Options | None = None, progress: Callable[[str], None] = lambda _: None) -> None:
        self.options = options or Options()
        self.keys = Keys.generate(signing=self.options.signing)
        self.faults = Faults()
        self.api_faults = ApiFaults()
        self._progress = progress
        self._stack = AsyncExitStack()
        self._gateway: Gateway | None = None
        self._people: People | None = None
        self._watch: asyncio.Task[None] | None = None
        self._started_at = 0.0
        self._postgres = Postgres(
            generation=self.options.generation,
            publication=self.options.publication,
            database_url=self.options.database_url,
            tell=progress,
        )

    @property
    def url(self) -> str:
        """The one address of REST, Auth and Realtime."""
        return _started(self._gateway).url

    @property
    def database_url(self) -> str:
        """A superuser's URL of the database."""
        return self._postgres.dsn

    @property
    def postgres(self) -> Postgres:
        """The database server, to be killed and restarted by tests."""
        return self._postgres

    @property
    def tokens(self) -> Mapping[str, str]:
        """Access tokens of the sample people who have an account, by name."""
        return {name: person.token for name, person in self.address().people.items() if person.token is not None}

    async def __aenter__(self) -> Self:
        self._started_at = time.monotonic()
        try:
            async with self._stack as starting:
                await self._start(starting)
                self._stack = starting.pop_all()
        except (ExceptionGroup, *_EXPECTED) as error:
            first = _first(error)
            if not isinstance(first, _EXPECTED):
                raise
            raise self._death(str(first)) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    async def failed(self) -> NoReturn:
        """Wait until a part ends by itself.

        Raises:
            SandboxError: always, saying which.

        """
        await asyncio.shield(_started(self._watch))
        raise AssertionError("the watch ends with an error only")

    def address(self) -> SandboxAddress:
        """Return everything somebody else needs to know; tokens are new each time."""
        keys, people = self.keys, _started(self._people)
        return SandboxAddress(
            url=self.url,
            database_url=self.database_url,
            publishable_key=keys.publishable,
            secret_key=keys.secret,
            anon_key=keys.anon,
            service_role_key=keys.service_role,
            jwt_secret=keys.jwt_secret,
            signing=keys.signing,
            generation=self.options.generation,
            people=people.addresses(),
            conversations=people.conversations(),
        )

    async def _start(self, starting: AsyncExitStack) -> None:
        """Start every part as soon as what it needs is there; each is put on the stack before it begins."""
        self._gateway = gateway = Gateway(port=self.options.port, keys=self.keys)
        starting.push_async_callback(gateway.stop)
        self._people = people = People(keys=self.keys, url=gateway.url, seeded=self.options.seed)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(ensure_node_packages(self._progress))
            self._progress("starting PostgreSQL")
            await starting.enter_async_context(self._postgres)
        dsn = self._postgres.dsn
        data_api = DataApi(dsn=dsn, keys=self.keys, site_url=gateway.url)
        starting.push_async_callback(data_api.stop)
        realtime = RealtimeServer(dsn=dsn, keys=self.keys, faults=self.faults, timing=self.options.timing)
        starting.push_async_callback(realtime.stop)
        self._progress("starting the Data API, Auth and Realtime")
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(data_api.start())
            tasks.create_task(realtime.start())
            tasks.create_task(people.seed(dsn))
        await people.set_passwords(dsn)
        proxy = Proxy(lambda: data_api.url, self.keys, self.api_faults, gateway.url)
        starting.push_async_callback(proxy.close)
        control = Control(
            faults=self.faults,
            api_faults=self.api_faults,
            mint=people.mint,
            status=self._status,
            crash=lambda: self._crash_postgres(data_api),
        )
        await gateway.start(proxy=proxy, realtime=realtime, control=control.routes())
        self._watch = asyncio.create_task(self._watch_parts(data_api, realtime), name="watch of the sandbox")
        starting.push_async_callback(self._end_watch)

    async def _crash_postgres(self, data_api: DataApi) -> None:
        async with data_api.replaced():
            await self._postgres.crash()

    async def _watch_parts(self, data_api: DataApi, realtime: RealtimeServer) -> None:
        """Wait until a part dies, and report it.

        Raises:
            SandboxError: always.

        """
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(data_api.died())
                tasks.create_task(_realtime_died(realtime))
                tasks.create_task(_database_died(self._postgres.dsn))
        except ExceptionGroup as errors:
            raise self._death(str(_first(errors))) from errors

    def _death(self, text: str) -> SandboxError:
        self._progress(text)
        return SandboxError(text)

    async def _end_watch(self) -> None:
        watch = _started(self._watch)
        watch.cancel()
        await asyncio.wait({watch})
        if not watch.cancelled():
            watch.exception()  # it was reported when it happened; taking it here says so to asyncio

    def _status(self) -> Mapping[str, object]:
        return {
            "url": self.url,
            "signing": self.keys.signing,
            "generation": self.options.generation,
            "uptime_seconds": round(time.monotonic() - self._started_at, 3),
            "healthy": not _started(self._watch).done(),
            "data_api_requests": self.api_faults.requests,
        }


def _started(part: T | None) -> T:
    if part is None:
        raise RuntimeError("the sandbox is not running; use `async with`")
    return part


def _first(error: BaseException) -> BaseException:
    """Return the error itself, or the first plain one of a group."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _realtime_died(realtime: RealtimeServer) -> None:
    """Wait until Realtime ends by itself.

    Raises:
        SandboxError: with the first of its errors.

    """
    try:
        await realtime.died()
    except ExceptionGroup as errors:
        raise SandboxError(f"Realtime ended: {_first(errors)!r}") from errors


async def _database_died(dsn: str) -> None:
    """Return never while the database answers; restarts on purpose (`Postgres.restart`) are not deaths.

    Raises:
        SandboxError: it has not answered for DATABASE_SILENCE_SECONDS.

    """
    parts = urlsplit(dsn)
    answered_at = time.monotonic()
    while time.monotonic() - answered_at < DATABASE_SILENCE_SECONDS:
        await asyncio.sleep(DATABASE_PROBE_SECONDS)
        if await _answers(parts.hostname or LOOPBACK, parts.port or POSTGRES_PORT):
            answered_at = time.monotonic()
    raise SandboxError(f"PostgreSQL has not answered for {DATABASE_SILENCE_SECONDS:.0f} s.")


async def _answers(host: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    return True
