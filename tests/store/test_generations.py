"""The adapter over PostgREST keeps its promises on every generation of the schema (contract F40, F41, F45, F46)."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import psycopg
import pytest
from httpx_aiohttp import AiohttpTransport
from msgspec.structs import replace

from bridge.content import JUNK, ColumnType
from bridge.errors import SchemaUnusable
from bridge.models import AuthId, ConversationId, Identity, UserId
from bridge.remedies import supply
from bridge.schema import DB_1, Schema
from bridge.store.supabase import SupabaseStore
from scripts.sandbox.address import SandboxAddress
from scripts.sandbox.generations import GENERATIONS, Generation
from tests.conftest import SandboxOf
from tests.contract.conversations import ConversationsContract
from tests.contract.creating import CreatingContract
from tests.contract.groups import GroupsContract
from tests.contract.messages import MessagesContract
from tests.contract.receipts import ReceiptsContract
from tests.contract.scene import Scene
from tests.contract.sealed import SealedContract
from tests.contract.traits import NoOwnTimersContract, OwnTimersContract, TraitsContract
from tests.store.sql_seed import SqlSeed, reaching

LATER = Schema(has_content_type=True, has_attachments=True, has_own_timers=True)
DETECTED: dict[Generation, Schema] = {
    "db1": DB_1,
    "db2-bare": Schema(content=ColumnType.BYTEA),
    "db2-text": LATER,
    "db2": replace(LATER, content=ColumnType.BYTEA),
    "db3-bytea-copies": replace(LATER, content=ColumnType.BYTEA, copies=ColumnType.BYTEA),
    "db3-text": replace(LATER, copies=ColumnType.TEXT),
    "db3": replace(LATER, content=ColumnType.BYTEA, copies=ColumnType.TEXT),
}
TEXTS = ["back\\slash C:\\new", r"\x4142", "\\\\", "☺ 👩‍👩‍👧", JUNK, "x" * 100_000]


@pytest.fixture
async def seed(request: pytest.FixtureRequest, sandbox_of: SandboxOf) -> AsyncIterator[SqlSeed]:
    """Reach the tables of the generation that a class is parametrized with."""
    async with reaching(sandbox_of(request.param)) as made:
        yield made


def on(*generations: Generation) -> pytest.MarkDecorator:
    """Run a suite on these generations."""
    return pytest.mark.parametrize("seed", generations, indirect=True)


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_generation_is_found_out(generation: Generation, sandbox_of: SandboxOf) -> None:
    """By its columns and types, half-way ones too."""
    async with reaching(sandbox_of(generation)) as made:
        assert made.store.dialect.schema == DETECTED[generation]


@on(*GENERATIONS)
@pytest.mark.parametrize("text", TEXTS, ids=range(len(TEXTS)))
async def test_a_text_comes_back_as_it_was_written(seed: SqlSeed, text: str) -> None:
    """On a page, by its id, and as the latest of the list (contract F17, F40)."""
    scene = await Scene(seed).prepare()
    new = scene.new(text)
    written = await seed.store.messages.insert(new)
    page = await scene.page()
    by_id = await seed.store.messages.by_ids([new.id])
    (line,) = await seed.store.conversations.summaries(scene.viewer, scene.now)
    assert line.latest is not None
    assert [one.content for one in (written, *page, *by_id, line.latest)] == [text] * 4


@on("db3", "db3-text", "db3-bytea-copies")
async def test_the_apps_own_sealed_rows_are_read(seed: SqlSeed, sandbox_of: SandboxOf) -> None:
    """Each reader sees its copy, old plain rows beside it, and nobody sees the junk (contract F45, F46)."""
    sandbox = sandbox_of("db3")  # the sample people are the same everywhere
    bob = sandbox.people["bob"]
    viewer = Identity(user_id=UserId(str(bob.user_id)), auth_id=AuthId(str(bob.auth_id)))
    room = ConversationId(str(sandbox.conversations["general"]))
    page = await seed.store.messages.page(room, viewer, before=None, limit=50, now=Scene(seed).now)
    states = {message.state.value for message in page}
    assert {"plain", "sealed"} <= states
    assert not any(JUNK in message.content for message in page)
    assert all(message.content.startswith("{") for message in page if message.state.value == "sealed")


@on("db2", "db3")
class TestConversations(ConversationsContract):
    """The suite, on bytea and with the creator's trigger."""


@on("db2", "db3")
class TestMessages(MessagesContract):
    """The suite, on bytea."""


@on("db3")
class TestReceipts(ReceiptsContract):
    """The suite, where a trigger writes a status for everybody."""


@on("db2", "db3")
class TestCreating(CreatingContract):
    """The suite, with the creator's trigger (contract F3)."""


@on("db3")
class TestGroups(GroupsContract):
    """The suite, with the creator's trigger."""


@on("db2-text", "db2", "db3")
class TestOwnTimers(OwnTimersContract):
    """The suite, where participants have timers."""


@on("db2-bare")
class TestNoOwnTimers(NoOwnTimersContract):
    """The suite, where the later columns are missing."""


@on("db2", "db3")
class TestTraits(TraitsContract):
    """The suite, with later types and triggers."""


@on("db3", "db3-bytea-copies", "db3-text")
class TestSealed(SealedContract):
    """The suite, for each form that copies have."""


async def test_without_a_place_for_copies_nothing_can_be_sealed(sandbox: SandboxAddress) -> None:
    """And nobody has any."""
    async with reaching(sandbox) as made:
        assert not made.store.copies.available
        scene = await Scene(made).prepare()
        new = await scene.has(scene.new())
        assert await made.store.copies.of([new.id], scene.now) == {}


async def test_missing_columns_and_tables_are_named(sandbox_of: SandboxOf) -> None:
    """All of them, so that somebody can mend them at once (contract F41)."""
    sandbox = sandbox_of("db2-bare")
    async with (
        httpx.AsyncClient(transport=AiohttpTransport()) as http,
        await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection,
    ):
        store = SupabaseStore(url=sandbox.url, key=sandbox.secret_key, http=http)
        renamed = {
            "table messages rename column metadata to meta": "table messages rename column meta to metadata",
            "table group_members rename to members": "table members rename to group_members",
        }
        for there in renamed:
            await connection.execute(f"alter {there}".encode())
        try:
            with pytest.raises(SchemaUnusable) as caught:
                await store.check()
        finally:
            for back in renamed.values():
                await connection.execute(f"alter {back}".encode())
        assert caught.value.missing == ("messages.metadata", "the table group_members")
        await store.check()


async def test_the_statements_that_are_printed_mend_missing_columns(sandbox_of: SandboxOf) -> None:
    """As they are (contract F41, F44)."""
    sandbox = sandbox_of("db2-bare")
    async with (
        httpx.AsyncClient(transport=AiohttpTransport()) as http,
        await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as connection,
    ):
        store = SupabaseStore(url=sandbox.url, key=sandbox.secret_key, http=http)
        columns = {"messages": "metadata", "conversation_participants": "left_at", "user_presence": "last_seen"}
        for table, column in columns.items():
            await connection.execute(f"alter table {table} rename column {column} to put_aside".encode())
        try:
            with pytest.raises(SchemaUnusable) as caught:
                await store.check()
            for missing in caught.value.missing:
                await connection.execute(supply(missing).encode())
            await store.check()
        finally:
            for table, column in columns.items():
                await connection.execute(f"alter table {table} drop column if exists {column}".encode())
                await connection.execute(f"alter table {table} rename column put_aside to {column}".encode())


def test_every_generation_of_the_sandbox_is_looked_at() -> None:
    """A new one has to be told here."""
    assert DETECTED.keys() == GENERATIONS.keys()
