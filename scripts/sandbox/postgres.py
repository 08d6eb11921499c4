"""The sandbox's database: a PostgreSQL of its own from a wheel, or a fresh database on a server that is there."""

from __future__ import annotations

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from scripts.sandbox import cluster as clusters
from scripts.sandbox.cluster import Cluster, TemplateCache
from scripts.sandbox.generations import Generation
from scripts.sandbox.postmaster import PortTaken, PostgresError, Postmaster, free_port
from scripts.sandbox.schema import Publication, migrate, publish

__all__ = ["TEMPLATES", "Postgres", "PostgresError", "Publication", "forget_template"]

TEMPLATES: Final = Path(__file__).parents[2] / ".sandbox" / "postgres"
PORT_TRIES: Final = 5


class Postgres:
    """A migrated Supabase database for as long as the `async with` lasts.

    `dsn` is a superuser's URL. With `database_url` (a superuser's, of a server with wal_level=logical) nothing is
    started: a fresh database is made there and dropped at the end unless `keep_database`; the roles of a Supabase
    project stay on that server. Otherwise a PostgreSQL of our own runs in a temporary directory, which is copied
    from a template in `templates` (None: no cache) and removed at the end, also when this program is killed.
    """

    def __init__(
        self,
        *,
        generation: Generation = "db1",
        publication: Publication = "full",
        database_url: str | None = None,
        keep_database: bool = False,
        templates: Path | None = TEMPLATES,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._generation = generation
        self._publication = publication
        self._database_url = database_url
        self._keep_database = keep_database
        self._templates = TemplateCache(templates)
        self._tell = tell
        self._stack = AsyncExitStack()
        self._postmaster: Postmaster | None = None
        self._dsn: str | None = None

    @property
    def dsn(self) -> str:
        """The superuser's URL of the sandbox database."""
        if self._dsn is None:
            raise RuntimeError("the sandbox database is not running; use `async with`")
        return self._dsn

    async def __aenter__(self) -> Self:
        async with self._stack as starting:
            if self._database_url is None:
                self._dsn = await starting.enter_async_context(self._own_server())
            else:
                self._dsn = await starting.enter_async_context(self._fresh_database(self._database_url))
            await publish(self._dsn, self._publication)
            self._stack = starting.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dsn = None
        await self._stack.__aexit__(kind, error, trace)

    async def kill(self) -> None:
        """Kill the server as kill -9 does; connections break, what was committed stays."""
        await self._own_postmaster().kill()

    async def restart(self) -> None:
        """Start the server again on the same port, after `kill` or instead of it (then it is stopped first)."""
        postmaster = self._own_postmaster()
        await postmaster.stop()
        await postmaster.start(self.dsn)

    async def crash(self) -> None:
        """Kill the server and start it again, as a supervisor does after a crash."""
        await self.kill()
        await self.restart()

    def _own_postmaster(self) -> Postmaster:
        if self._postmaster is None:
            raise PostgresError("only a server of the sandbox's own can be killed and restarted")
        return self._postmaster

    @asynccontextmanager
    async def _own_server(self) -> AsyncIterator[str]:
        account = clusters.server_account()
        directory = clusters.make_directory(account)
        try:
            programs = await clusters.reachable_programs(account, directory)
            key = clusters.template_key(self._generation)
            cluster = await self._templates.take(key, directory, programs, account)
            if cluster is None:
                self._tell("creating the database (once; the next start copies it)")
                cluster = await clusters.initialise(directory, programs, account)
                await self._migrate(cluster)
                await self._templates.keep(key, cluster)
            self._postmaster, dsn = await _start(cluster)
            try:
                yield dsn
            finally:
                postmaster, self._postmaster = self._postmaster, None
                await postmaster.stop()
        finally:
            await asyncio.to_thread(shutil.rmtree, directory)

    async def _migrate(self, cluster: Cluster) -> None:
        postmaster, dsn = await _start(cluster)
        try:
            self._tell("applying the schema")
            await migrate(dsn, self._generation)
        finally:
            await postmaster.stop()

    @asynccontextmanager
    async def _fresh_database(self, server: str) -> AsyncIterator[str]:
        await _check_server(server)
        name = f"sandbox_{secrets.token_hex(6)}"
        self._tell(f"creating the database {name}")
        create = sql.SQL("create database {} template template0 encoding 'UTF8'").format(sql.Identifier(name))
        await _execute(server, create)
        try:
            dsn = _with_database(server, name)
            await migrate(dsn, self._generation)
            yield dsn
        finally:
            if not self._keep_database:
                await _drop_database(server, name)


def forget_template(templates: Path = TEMPLATES, generation: Generation = "db1") -> None:
    """Make the next start a first one."""
    TemplateCache(templates).forget(clusters.template_key(generation))


async def _start(cluster: Cluster) -> tuple[Postmaster, str]:
    # A port that is free now can be taken a moment later: another sandbox may start at the same time.
    for attempt in range(1, PORT_TRIES + 1):
        port = free_port()
        dsn = f"postgresql://{clusters.SUPERUSER}:{cluster.password}@127.0.0.1:{port}/{clusters.DATABASE}"
        program = cluster.programs / "postgres"
        postmaster = Postmaster(program=program, account=cluster.account, directory=cluster.directory, port=port)
        try:
            await postmaster.start(dsn)
        except PortTaken:
            if attempt == PORT_TRIES:
                raise
        else:
            return postmaster, dsn
    raise AssertionError("unreachable")


async def _execute(server: str, *statements: sql.Composed) -> None:
    async with await psycopg.AsyncConnection.connect(server, autocommit=True) as connection:
        for statement in statements:
            await connection.execute(statement)


async def _check_server(server: str) -> None:
    if urlsplit(server).scheme not in {"postgres", "postgresql"}:
        raise PostgresError("DATABASE_URL must begin with postgresql://")
    question = "select rolsuper, current_setting('wal_level') from pg_roles where rolname = current_user"
    try:
        async with await psycopg.AsyncConnection.connect(server) as connection:
            row = await (await connection.execute(question)).fetchone()
    except psycopg.Error as error:
        raise PostgresError(f"DATABASE_URL: {error}") from error
    superuser, wal_level = row or (False, "unknown")
    if not superuser:
        raise PostgresError("DATABASE_URL: the role must be a superuser; it creates roles that bypass RLS")
    if wal_level != "logical":
        raise PostgresError(f"DATABASE_URL: the server has wal_level={wal_level}; Realtime needs wal_level=logical")


def _with_database(server: str, name: str) -> str:
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


async def _drop_database(server: str, name: str) -> None:
    # Replication slots outlive connections, and a database that has any cannot be dropped.
    forget = sql.SQL(
        "select pg_terminate_backend(active_pid) from pg_replication_slots where database = {0} and active"
    ).format(sql.Literal(name))
    slots = sql.SQL(
        "select pg_drop_replication_slot(slot_name) from pg_replication_slots where database = {0} and not temporary"
    ).format(sql.Literal(name))
    drop = sql.SQL("drop database {} with (force)").format(sql.Identifier(name))
    await _execute(server, forget, slots, drop)
