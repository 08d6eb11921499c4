"""Databases of a crowd: made once for each generation, copied for tests that change something."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql

from migration.checks import CHECKS
from scripts.sandbox.crowd.healthy import Size
from scripts.sandbox.crowd.writing import Manifest, Wishes, fill
from scripts.sandbox.generations import Generation
from scripts.sandbox.postgres import Postgres

FAST = ("--share", "1", "--skip", "unread_counts")
"""How a crowd is checked quickly, and as a whole."""

SMALL = Size(users=200, conversations=160, messages=800)
TURNS = 6
"""How many times everything is planted: as many as there are kinds of broken text."""
AS_POSTGRES = "?options=-c%20role%3Dpostgres"
"""A superuser becomes the role that owns the tables of a Supabase project, and is none."""
TABLES = "select tablename from pg_tables where schemaname = 'public' order by 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """A database with what is wrong in it."""

    superuser: str
    manifest: Manifest

    @property
    def url(self) -> str:
        """The address for the tools: as the role postgres."""
        return self.superuser + AS_POSTGRES

    def expected(self, check: str) -> list[str]:
        """Return the keys that a check has to find."""
        return list(self.manifest.expected.get(check, []))


@contextmanager
def made(server: str, generation: Generation) -> Iterator[Crowd]:
    """Make a database on a superuser's server until the block ends."""
    wishes = Wishes(size=SMALL, seed=1, as_of=datetime.now(UTC).replace(microsecond=0), defects=TURNS)
    with asyncio.Runner() as runner:
        postgres = Postgres(database_url=server, generation=generation)
        runner.run(postgres.__aenter__())
        try:
            manifest = runner.run(fill(postgres.dsn, wishes))
            yield Crowd(superuser=postgres.dsn, manifest=manifest)
        finally:
            runner.run(postgres.__aexit__(None, None, None))


@contextmanager
def copied(crowd: Crowd) -> Iterator[Crowd]:
    """Copy a database until the block ends."""
    parts = urlsplit(crowd.superuser)
    name = f"copy_{uuid.uuid4().hex[:12]}"
    server = urlunsplit(parts._replace(path="/template1"))
    with psycopg.connect(server, autocommit=True) as connection:
        original = sql.Identifier(parts.path.removeprefix("/"))
        connection.execute(sql.SQL("create database {} template {}").format(sql.Identifier(name), original))
        connection.execute(sql.SQL("alter database {} owner to postgres").format(sql.Identifier(name)))
        try:
            yield Crowd(superuser=urlunsplit(parts._replace(path=f"/{name}")), manifest=crowd.manifest)
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def execute(crowd: Crowd, *statements: str) -> None:
    """Run statements as the superuser."""
    with psycopg.connect(crowd.superuser, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def dump(crowd: Crowd) -> Mapping[str, list[str]]:
    """Return every row of every table of the chat, as text."""
    with psycopg.connect(crowd.superuser) as connection:
        tables = [table for (table,) in connection.execute(TABLES)]
        return {
            table: [row for (row,) in connection.execute(f"select t::text from public.{table} t order by 1".encode())]
            for table in tables
        }


PLANTED = [name for name, check in CHECKS.items() if check.sql is not None]
