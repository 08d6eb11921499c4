"""The adapter over PostgREST keeps the promises of the Store port, on the sandbox's real tables."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

from bridge.errors import StoreDown, StoreRefused
from bridge.store.supabase import SupabaseStore
from scripts.sandbox.address import SandboxAddress
from tests.contract.changes import ChangesContract
from tests.contract.conversations import ConversationsContract
from tests.contract.creating import CreatingContract
from tests.contract.groups import GroupsContract
from tests.contract.messages import MessagesContract
from tests.contract.people import AccountsContract, SearchContract, UsersContract
from tests.contract.presence import CompanionsContract, PresenceContract, TypingContract
from tests.contract.receipts import ReceiptsContract
from tests.contract.repairing import RepairingContract
from tests.contract.traits import NoOwnTimersContract, ParticipantsContract, TraitsContract
from tests.store.sql_seed import SqlSeed, reaching


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """Make the HTTP client that a bridge makes."""
    async with httpx.AsyncClient(transport=AiohttpTransport()) as client:
        yield client


@pytest.fixture
async def seed(sandbox: SandboxAddress) -> AsyncIterator[SqlSeed]:
    """Reach the sandbox's tables by SQL and by the adapter."""
    async with reaching(sandbox) as made:
        yield made


class TestUsers(UsersContract):
    """The suite, for this adapter."""


class TestConversations(ConversationsContract):
    """The suite, for this adapter."""


class TestMessages(MessagesContract):
    """The suite, for this adapter."""


class TestReceipts(ReceiptsContract):
    """The suite, for this adapter."""


class TestTyping(TypingContract):
    """The suite, for this adapter."""


class TestCreating(CreatingContract):
    """The suite, for this adapter."""


class TestGroups(GroupsContract):
    """The suite, for this adapter."""


class TestPresence(PresenceContract):
    """The suite, for this adapter."""


class TestSearch(SearchContract):
    """The suite, for this adapter."""


class TestAccounts(AccountsContract):
    """The suite, for this adapter."""


class TestTraits(TraitsContract):
    """The suite, for this adapter."""


class TestParticipants(ParticipantsContract):
    """The suite, for this adapter."""


class TestNoOwnTimers(NoOwnTimersContract):
    """The suite, where participants have no timers."""


class TestCompanions(CompanionsContract):
    """The suite, for this adapter."""


class TestChanges(ChangesContract):
    """The suite, for this adapter."""


class TestRepairing(RepairingContract):
    """The suite, for this adapter."""


async def test_a_wrong_key_is_a_refusal(sandbox: SandboxAddress, http: httpx.AsyncClient) -> None:
    """Said at the start of the program."""
    with pytest.raises(StoreRefused):
        await SupabaseStore(url=sandbox.url, key="sb_secret_wrong", http=http).check()


async def test_nobody_answering_is_down(http: httpx.AsyncClient) -> None:
    """A retry may help."""
    with pytest.raises(StoreDown):
        await SupabaseStore(url="http://127.0.0.1:9", key="sb_secret_any", http=http).check()
