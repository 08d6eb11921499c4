"""Crowds on the sandbox's server, and the tools' command line."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psycopg
import pytest
import pytest_asyncio

from migration.__main__ import main
from migration.findings import Report, read_report
from scripts.sandbox.generations import Generation
from scripts.sandbox.postgres import Postgres
from tests.conftest import SandboxOf
from tests.logged import connected
from tests.migration.crowds import Crowd, copied, made

CrowdOf = Callable[[Generation], Crowd]

SETTINGS = (
    "SUPABASE_URL",
    "SUPABASE_SECRET_KEY",
    "SUPABASE_PUBLISHABLE_KEY",
    "SUPABASE_JWT_SECRET",
    "DATABASE_URL",
    "BRIDGE_USAGE",
    "BRIDGE_USAGE_FILE",
)


@pytest.fixture(scope="session")
def crowd_of(sandbox_of: SandboxOf) -> Iterator[CrowdOf]:
    """Yield a function that returns a crowd's database of a generation; nobody changes anything in it."""
    found: dict[Generation, Crowd] = {}
    with ExitStack() as databases:

        def crowd(generation: Generation) -> Crowd:
            if generation not in found:
                server = sandbox_of("db1").database_url
                found[generation] = databases.enter_context(made(server, generation))
            return found[generation]

        yield crowd


@pytest.fixture
def crowd(crowd_of: CrowdOf) -> Iterator[Crowd]:
    """Yield a copy of the crowd of DB-1 that a test may change."""
    with copied(crowd_of("db1")) as copy:
        yield copy


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server() -> AsyncIterator[str]:
    """Yield the address of a server of the module's own."""
    async with Postgres(database_url=os.environ.get("SANDBOX_DATABASE_URL")) as postgres:
        yield postgres.dsn


@pytest_asyncio.fixture(loop_scope="module")
async def dsn(server: str) -> AsyncIterator[str]:
    """Yield a new database of a chat to which nothing was added."""
    async with Postgres(database_url=server) as postgres:
        yield postgres.dsn


@pytest.fixture
def admin(dsn: str) -> Iterator[psycopg.Connection]:
    """Yield an administrator's connection."""
    with connected(dsn) as connection:
        yield connection


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away whatever the environment says."""
    for name in (*SETTINGS, "MIGRATION_DATABASE_URL", "MIGRATION_DIRECTORY"):
        monkeypatch.delenv(name, raising=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What a command left: its status, what it said, and what it complained of."""

    status: int
    out: str
    err: str

    @property
    def report(self) -> Report:
        """The document that it printed."""
        return read_report(self.out.encode())

    def decoded(self, kind: type[msgspec.Struct]) -> object:
        """Return the document as something else."""
        return msgspec.json.decode(self.out, type=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The command line, with a directory of the test's own."""

    directory: Path
    capsys: pytest.CaptureFixture[str]

    def __call__(self, command: str, *arguments: str | Path) -> Ended:
        """Run a command in this process."""
        self.capsys.readouterr()
        status = main([command, "--directory", str(self.directory), *map(str, arguments)])
        said = self.capsys.readouterr()
        return Ended(status=status, out=said.out, err=said.err)


@pytest.fixture
def tools(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Tools:
    """Return the command line."""
    return Tools(directory=tmp_path / "tools", capsys=capsys)
