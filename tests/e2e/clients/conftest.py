"""People in front of a bridge, on whichever generation of the schema a test is about."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, closing

import pytest

from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.generations import Generation
from scripts.stack import running_bridge
from tests.clients.legacy import Library
from tests.conftest import SandboxOf, sandboxes
from tests.e2e.clients.company import Company, InTurn, LibraryOf
from tests.e2e.database import Database
from tests.sandbox.legacy_clients import SupabaseJs

# Whoever comes again is told of again.
HASTY = {"BRIDGE_PRESENCE_GRACE_SECONDS": "0.01"}

UrlOf = Callable[[SandboxAddress], str]
CompanyAt = Callable[[str], Company]


def on(*generations: Generation) -> pytest.MarkDecorator:
    """Run a test on these generations; without it, on the first."""
    return pytest.mark.parametrize("sandbox", generations, indirect=True)


@pytest.fixture(scope="session")
def sandbox_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxAddress]:
    """Yield a sandbox of the first generation for these tests alone.

    The bridge that they share says of people that they are gone when the next test has long begun.
    """
    with sandboxes(tmp_path_factory) as found:
        yield found("db1")


@pytest.fixture
def sandbox(request: pytest.FixtureRequest, sandbox_of: SandboxOf) -> SandboxAddress:
    """Return a sandbox of the generation that a test asks for."""
    generation: Generation = getattr(request, "param", "db1")
    if generation != "db1":
        return sandbox_of(generation)
    apart: SandboxAddress = request.getfixturevalue("sandbox_apart")
    return apart


@pytest.fixture(scope="session")
def supabase_js_of() -> Iterator[LibraryOf]:
    """Yield a function that returns supabase-js for a sandbox, started when the first test asks."""
    started: dict[str, Library] = {}
    with ExitStack() as running:

        def of(sandbox: SandboxAddress) -> Library:
            if sandbox.url not in started:
                started[sandbox.url] = InTurn(running.enter_context(closing(SupabaseJs(sandbox))))
            return started[sandbox.url]

        yield of


@pytest.fixture(scope="session")
def bridge_of() -> Iterator[UrlOf]:
    """Yield a function that returns the address of a bridge for a sandbox: a process of its own, shared by all tests.

    Started when the first test asks. Tests that look into a bridge, or start it their own way, have `bridge`.
    """
    started: dict[str, str] = {}
    stack = AsyncExitStack()
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:

        def of(sandbox: SandboxAddress) -> str:
            if sandbox.url not in started:
                url, _ = runner.run(stack.enter_async_context(running_bridge(sandbox, environment=HASTY, quiet=True)))
                started[sandbox.url] = url
            return started[sandbox.url]

        yield of
        runner.run(stack.aclose())


@pytest.fixture
async def company_at(
    sandbox: SandboxAddress, database: Database, supabase_js_of: LibraryOf
) -> AsyncIterator[CompanyAt]:
    """Yield a function that gathers people at a bridge of the test's sandbox.

    In the end every frame that one of them got has to please W1.
    """
    gathered: list[Company] = []
    async with AsyncExitStack() as pages:

        def at(url: str) -> Company:
            gathered.append(Company(url, sandbox, database, pages, supabase_js_of))
            return gathered[-1]

        yield at
        for one in gathered:
            one.check_frames()


@pytest.fixture
def shared_url(sandbox: SandboxAddress, bridge_of: UrlOf) -> str:
    """Return the address of the shared bridge; not a coroutine, for it runs one to start it."""
    return bridge_of(sandbox)


@pytest.fixture
def company(shared_url: str, company_at: CompanyAt) -> Company:
    """Return people at the shared bridge."""
    return company_at(shared_url)
