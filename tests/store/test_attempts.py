"""What is asked again after a failure and what never is, without a server; and both through the sandbox's gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from bridge.errors import StoreDown, StoreRefused
from bridge.models import MessageId
from bridge.store.supabase import SupabaseStore
from bridge.store.supabase.attempts import ATTEMPTS
from bridge.store.supabase.query import rows
from scripts.sandbox.address import SandboxAddress
from tests.contract.scene import Scene, identity
from tests.store.queries import Answer, Query, refusal
from tests.store.sql_seed import SqlSeed, reaching
from tests.virtual_time import in_virtual_time

PASSING = [
    *(refusal(code) for code in ("PGRST000", "PGRST001", "PGRST002", "PGRST003", "40001", "40P01", "53300")),
    *(refusal(status) for status in (500, 502, "520")),
    httpx.ConnectError("refused"),
    httpx.RemoteProtocolError("closed"),
    httpx.ConnectTimeout("Server disconnected"),
]
LASTING = [
    *(refusal(code) for code in ("23505", "42501", "PGRST301", "PGRST204", "57014", "429")),
    httpx.ReadTimeout("late"),
]


@pytest.mark.parametrize("error", PASSING, ids=repr)
@in_virtual_time
async def test_a_question_is_asked_again_if_it_fails_in_passing(error: Exception) -> None:
    """Until it is answered."""
    query = Query(error, error, Answer([{"id": "1"}]))
    assert await rows(query, dict[str, object]) == [{"id": "1"}]


@pytest.mark.parametrize("error", LASTING, ids=repr)
@in_virtual_time
async def test_what_would_fail_again_is_not_asked_again(error: Exception) -> None:
    """A refusal, and what took so long already."""
    query = Query(error, Answer([]))
    with pytest.raises((StoreRefused, StoreDown)):
        await rows(query, dict[str, object])
    assert query.sent == 1


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
@in_virtual_time
async def test_a_write_is_never_repeated(method: str) -> None:
    """It may have happened: its answer is what failed, perhaps."""
    query = Query(refusal(503), Answer([]), method=method)
    with pytest.raises(StoreDown):
        await rows(query, dict[str, object])
    assert query.sent == 1


@in_virtual_time
async def test_a_write_that_may_be_said_twice_is_repeated() -> None:
    """Said so by whoever wrote it down."""
    query = Query(refusal(503), Answer([]), method="POST")
    assert await rows(query, dict[str, object], repeatable=True) == []


@in_virtual_time
async def test_it_ends_after_a_few_attempts_with_the_last_failure() -> None:
    """A database that is down is not asked all the more."""
    query = Query(*[refusal(503)] * ATTEMPTS, Answer([]))
    with pytest.raises(StoreDown, match="503"):
        await rows(query, dict[str, object])
    assert query.sent == ATTEMPTS


@in_virtual_time
async def test_all_attempts_together_take_no_longer_than_one_may() -> None:
    """An answer that hangs after a failure is not waited for anew."""
    loop = asyncio.get_running_loop()

    async def hang() -> None:
        await asyncio.sleep(3600)

    query = Query(refusal(503), hang, seconds=10.0)
    began = loop.time()
    with pytest.raises(StoreDown):
        await rows(query, dict[str, object])
    assert loop.time() - began <= 10.0
    assert query.sent == 2


@in_virtual_time
async def test_no_pause_is_begun_that_would_be_too_long() -> None:
    """The failure is told instead."""
    query = Query(*[refusal(503)] * ATTEMPTS, seconds=0.0001)
    with pytest.raises(StoreDown, match=r"503|TimeoutError"):
        await rows(query, dict[str, object])
    assert query.sent <= ATTEMPTS


@pytest.fixture
async def seed(sandbox: SandboxAddress) -> AsyncIterator[SqlSeed]:
    """Reach the sandbox's tables by SQL and by the adapter."""
    async with reaching(sandbox) as made:
        yield made


@pytest.fixture
async def faults(sandbox: SandboxAddress) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the sandbox's fault switches, which are put back afterwards."""
    headers = {"apikey": sandbox.secret_key}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers) as http:
        yield http
        (await http.delete("/sandbox/faults")).raise_for_status()


async def switch(faults: httpx.AsyncClient, **switches: object) -> None:
    """Let the Data API fail."""
    (await faults.post("/sandbox/faults", json={"data_api": switches})).raise_for_status()


@pytest.mark.parametrize("fault", ["fail_next", "lose_next"])
async def test_a_page_is_loaded_through_a_gateway_that_fails_twice(
    seed: SqlSeed, faults: httpx.AsyncClient, fault: str
) -> None:
    """Nobody notices."""
    scene = await Scene(seed).prepare()
    sent = await scene.has(scene.new())
    await switch(faults, **{fault: 2, "path": "/rest/v1/messages"})
    reader = identity(scene.ann)
    page = await seed.store.messages.page(scene.room, reader, before=None, limit=10, now=scene.now)
    assert [one.id for one in page] == [sent.id]


@pytest.mark.parametrize("fault", ["fail_next", "lose_next"])
async def test_a_message_is_written_once_through_a_gateway_that_fails(
    seed: SqlSeed, faults: httpx.AsyncClient, fault: str
) -> None:
    """Its id makes the second attempt the same row, whether the first one was carried out or not."""
    scene = await Scene(seed).prepare()
    await switch(faults, **{fault: 2, "path": "/rest/v1/messages"})
    new = scene.new()
    written = await seed.store.messages.insert(new)
    assert written.id == new.id
    assert [one.id for one in await seed.store.messages.by_ids([MessageId(new.id)])] == [new.id]


async def test_a_row_without_an_id_of_ours_is_written_once_or_not_at_all(
    seed: SqlSeed, faults: httpx.AsyncClient
) -> None:
    """Its answer is lost and it is not sent again; the caller learns that nobody knows."""
    scene = await Scene(seed).prepare()
    sent = await scene.has(scene.new(sender=scene.bob))
    await switch(faults, lose_next=1, path="/rest/v1/message_status")
    with pytest.raises(StoreDown):
        await seed.store.receipts.mark_read(scene.ann.id, [sent.id], scene.now)


async def test_the_library_repeats_nothing_by_itself() -> None:
    """Its pauses know no time limit."""
    sent: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        sent.append(request)
        return httpx.Response(503, json={"code": "23505", "message": "", "details": None, "hint": None})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        store = SupabaseStore(url="http://localhost:1", key="sb_secret_any", http=http)
        with pytest.raises(StoreRefused):
            await store.messages.by_ids([MessageId("x")])
    assert len(sent) == 1
