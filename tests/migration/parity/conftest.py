"""Sandboxes and a bridge for comparing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from scripts.sandbox.address import SandboxAddress
from tests.conftest import SandboxOf, sandboxes
from tests.e2e.conftest import RunningBridge, running


@pytest.fixture(scope="package")
def own_sandbox_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxOf]:
    """Yield sandboxes in which only the sample people are: what other tests leave in theirs need not agree."""
    with sandboxes(tmp_path_factory) as found:
        yield found


@pytest.fixture(scope="package")
def sandbox(own_sandbox_of: SandboxOf) -> SandboxAddress:
    """Return the first of them."""
    return own_sandbox_of("db1")


@pytest.fixture
async def bridge(sandbox: SandboxAddress) -> AsyncIterator[RunningBridge]:
    """Run a bridge as one is run for this: nobody seems to be online because of it."""
    async with running(sandbox, presence=False) as started:
        yield started
