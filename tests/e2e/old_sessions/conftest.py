"""A page, and somebody new."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from scripts.sandbox.address import SandboxAddress
from tests.e2e.accounts import Account, sign_up
from tests.e2e.conftest import StartBridge
from tests.e2e.database import Database
from tests.e2e.old_sessions.site import Site, site


@pytest.fixture
async def page(start_bridge: StartBridge) -> AsyncIterator[Site]:
    """Yield a bridge with the endpoint."""
    async with site(start_bridge) as running:
        yield running


@pytest.fixture
async def account(sandbox: SandboxAddress, database: Database) -> Account:
    """Return somebody new."""
    return await sign_up(sandbox, database)
