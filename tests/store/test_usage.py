"""The counts of usage through PostgREST, in tables that are in the sandbox's database for as long as a test lasts."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import date, timedelta

import httpx
import psycopg
import pytest
from structlog.testing import capture_logs

from bridge.errors import StoreDown
from bridge.store.supabase import SupabaseStore
from bridge.store.supabase.usage import ADD, FORGET, REQUESTS, WRITES
from bridge.usage import Batch, UsageStore, UsageUnavailable
from scripts.sandbox.address import SandboxAddress
from tests.contract.usage import ALWAYS, Ledger, UsageContract, requests, row, writes
from tests.logged import with_ledger
from tests.store.sql_seed import SqlSeed, reaching

READ = {"since": "2026-01-01", "max_rows": 1}
CALLS = {ADD: {"batch": "{}"}, REQUESTS: READ, WRITES: READ, FORGET: {"before": "2026-01-01"}}


class SqlLedger:
    """Counts in the sandbox's database."""

    def __init__(self, usage: UsageStore, admin: psycopg.Connection) -> None:
        self._usage = usage
        self._admin = admin

    async def open(self) -> UsageStore:
        """Return the adapter, whose requests are independent of each other."""
        return self._usage

    async def later(self, time: timedelta) -> None:
        """Let everything be longer ago."""
        for table in ("usage_counted", "usage_batches"):
            self._admin.execute(f"update chat_bridge.{table} set at = at - %s".encode(), (time,))


@pytest.fixture
def admin(sandbox: SandboxAddress) -> Iterator[psycopg.Connection]:
    """Yield an administrator's connection to the sandbox's database with the ledger."""
    with with_ledger(sandbox.database_url) as connection:
        yield connection


@pytest.fixture
async def seed(sandbox: SandboxAddress) -> AsyncIterator[SqlSeed]:
    """Reach the sandbox's tables by SQL and by the adapter."""
    async with reaching(sandbox) as made:
        yield made


@pytest.fixture
async def store(seed: SqlSeed, sandbox: SandboxAddress, admin: psycopg.Connection) -> SupabaseStore:
    """Return a store that knows of the ledger."""
    await until_the_data_api_knows(sandbox, there=True)
    await seed.store.check()
    return seed.store


async def until_the_data_api_knows(sandbox: SandboxAddress, *, there: bool) -> None:
    """Wait until the Data API has looked at the schema again."""
    headers = {"apikey": sandbox.secret_key}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers) as http:
        while (await http.post(f"/rest/v1/rpc/{WRITES}", json=READ)).is_success is not there:
            pass


class TestThroughPostgREST(UsageContract):
    """The suite, for this adapter."""

    @pytest.fixture
    def ledger(self, store: SupabaseStore, admin: psycopg.Connection) -> Ledger:
        """Return counts in the database."""
        return SqlLedger(store.usage, admin)


async def test_a_database_without_a_ledger_has_none(seed: SqlSeed) -> None:
    """Nothing is wrong with it."""
    with capture_logs() as lines:
        await seed.store.check()
    assert not seed.store.usage.available
    assert lines == []
    with pytest.raises(UsageUnavailable, match="PGRST202"):
        await seed.store.usage.add(Batch())


async def test_a_ledger_is_noticed_when_it_comes_and_when_it_goes(seed: SqlSeed, sandbox: SandboxAddress) -> None:
    """By the store's next check."""
    with with_ledger(sandbox.database_url):
        await until_the_data_api_knows(sandbox, there=True)
        await seed.store.check()
        assert seed.store.usage.available
    await until_the_data_api_knows(sandbox, there=False)
    await seed.store.check()
    assert not seed.store.usage.available


@pytest.mark.parametrize("table", ["usage_requests", "usage_writes", "usage_counted", "usage_batches"])
async def test_a_damaged_ledger_is_as_none_and_said(
    store: SupabaseStore, admin: psycopg.Connection, table: str
) -> None:
    """Whatever is missing; a bridge starts and works without it."""
    admin.execute(f"drop table chat_bridge.{table}".encode())
    with pytest.raises(UsageUnavailable, match="42P01"):
        await store.usage.add(Batch(requests=[requests()], rows=[row("1")]))
    with capture_logs() as lines:
        await store.check()
    assert not store.usage.available
    assert "store.usage_ledger_unusable" in [line["event"] for line in lines]


@pytest.mark.parametrize(
    "function", ["requests(date, integer)", "writes(date, integer)", "forget(date)"], ids=lambda one: one.split("(")[0]
)
async def test_a_ledger_without_one_of_its_functions_is_as_none_and_said(
    store: SupabaseStore, admin: psycopg.Connection, function: str
) -> None:
    """Else nobody would notice until the counts are read, or never, that old days are kept."""
    admin.execute(f"drop function public.chat_bridge_usage_{function}".encode())
    with capture_logs() as lines:
        await store.check()
    assert not store.usage.available
    assert "store.usage_ledger_unusable" in [line["event"] for line in lines]


async def test_more_than_a_page_of_postgrest_is_read_whole(store: SupabaseStore) -> None:
    """Its maximum of rows, 1000 as a rule, cuts nothing off."""
    kinds = [requests(number, version=f"{number}") for number in range(1500, 0, -1)]
    rows = [row(f"{number}", table=f"table {number:04}") for number in range(1500)]
    await store.usage.add(Batch(requests=kinds, rows=rows))
    assert await store.usage.requests(ALWAYS, 2000) == kinds
    assert len(await store.usage.writes(ALWAYS, 2000)) == 1500
    assert len(await store.usage.requests(ALWAYS, 1001)) == 1001


async def test_a_batch_that_fails_leaves_nothing(store: SupabaseStore, admin: psycopg.Connection) -> None:
    """So that it can be added again, the very same."""
    batch = Batch(requests=[requests()], rows=[row("1")])
    admin.execute("alter table chat_bridge.usage_writes add constraint nothing_goes check (false) not valid")
    with pytest.raises(UsageUnavailable, match="23514"):
        await store.usage.add(batch)
    admin.execute("alter table chat_bridge.usage_writes drop constraint nothing_goes")
    assert await store.usage.requests(ALWAYS, 9) == []
    await store.usage.add(batch)
    assert (await store.usage.requests(ALWAYS, 9), await store.usage.writes(ALWAYS, 9)) == (
        [requests()],
        [writes(0, 1)],
    )


async def test_days_of_any_kind_can_be_asked_for(store: SupabaseStore) -> None:
    """Up to the last that there is."""
    await store.usage.add(Batch(requests=[requests()]))
    assert await store.usage.requests(date.max, 9) == []
    assert await store.usage.requests(date.min, 9) == [requests()]


@pytest.mark.parametrize("function", CALLS)
@pytest.mark.parametrize("who", ["anon", "bob"])
async def test_nobody_else_gets_at_it_through_the_api(
    sandbox: SandboxAddress, store: SupabaseStore, function: str, who: str
) -> None:
    """Neither with the key that is in every page, nor signed in."""
    token = sandbox.publishable_key if who == "anon" else str(sandbox.people[who].token)
    headers = {"apikey": sandbox.publishable_key, "Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers) as http:
        answer = await http.post(f"/rest/v1/rpc/{function}", json=CALLS[function])
    assert answer.status_code in (401, 403)
    assert answer.json()["code"] == "42501"


async def test_an_answer_that_is_none_is_a_failure(store: SupabaseStore, admin: psycopg.Connection) -> None:
    """Somebody has put another function in its place."""
    admin.execute(
        "create or replace function public.chat_bridge_usage_writes(since date, max_rows integer) "
        "returns setof jsonb language sql as 'select ''[]''::jsonb where false'"
    )
    with pytest.raises(UsageUnavailable) as caught:
        await store.usage.writes(ALWAYS, 1)
    assert isinstance(caught.value.__cause__, StoreDown)
