"""The change log through PostgREST, installed in the sandbox's database for as long as a test lasts."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator

import httpx
import psycopg
import pytest
from structlog.testing import capture_logs

from bridge.change_log import LogEntry, Operation
from bridge.models import ConversationId
from bridge.store.change_log import ChangeLog
from bridge.store.memory import MemoryStore
from scripts.sandbox.address import SandboxAddress
from tests.contract.change_log import ChangeLogContract, Scribe
from tests.logged import a_room, with_log
from tests.people import BIRTH, ROOM, B, X
from tests.store.sql_seed import SqlSeed, reaching


class SqlScribe:
    """What happens in the sandbox's tables."""

    def __init__(self, seed: SqlSeed, admin: psycopg.Connection) -> None:
        self.log: ChangeLog = seed.store.change_log
        self._admin = admin

    async def deed(self) -> tuple[str, str]:
        """Delete a message."""
        room, message_id = a_room(self._admin), str(uuid.uuid4())
        self._admin.execute(
            "insert into messages (id, conversation_id, sender_id, encrypted_content) values (%s, %s, %s, 'x')",
            (message_id, room.id, room.ann),
        )
        self._admin.execute("delete from messages where id = %s", (message_id,))
        return message_id, room.id

    async def said(self) -> tuple[str, str, str]:
        """Write a message."""
        room, message_id = a_room(self._admin), str(uuid.uuid4())
        self._admin.execute(
            "insert into messages (id, conversation_id, sender_id, encrypted_content) values (%s, %s, %s, 'x')",
            (message_id, room.id, room.ann),
        )
        return message_id, room.bob, a_room(self._admin).bob

    async def canary(self, row_id: str) -> int | None:
        """Read the table."""
        row = self._admin.execute("select beat from chat_bridge.canary where bridge = %s", (row_id,)).fetchone()
        return row[0] if row else None

    async def age(self) -> None:
        """Let time pass."""
        self._admin.execute("update chat_bridge.changes set at = at - interval '73 hours'")


@pytest.fixture
def admin(sandbox: SandboxAddress) -> Iterator[psycopg.Connection]:
    """Yield an administrator's connection to the sandbox's database with the log."""
    with with_log(sandbox.database_url) as connection:
        yield connection


@pytest.fixture
async def seed(sandbox: SandboxAddress) -> AsyncIterator[SqlSeed]:
    """Reach the sandbox's tables by SQL and by the adapter."""
    async with reaching(sandbox) as made:
        yield made


async def test_a_database_without_a_log_has_none(seed: SqlSeed) -> None:
    """Nothing is wrong with it."""
    with capture_logs() as lines:
        await seed.store.check()
    assert not seed.store.change_log.available
    assert await seed.store.change_log.read(None, limit=10) is None
    assert lines == []


async def test_a_log_is_noticed_when_it_comes_and_when_it_goes(seed: SqlSeed, sandbox: SandboxAddress) -> None:
    """By the store's next check; in between nothing fails."""
    with with_log(sandbox.database_url):
        await _until_the_data_api_knows(sandbox, there=True)
        await seed.store.check()
        assert seed.store.change_log.available
    await _until_the_data_api_knows(sandbox, there=False)
    assert await seed.store.change_log.read(None, limit=10) is None
    await seed.store.check()
    assert not seed.store.change_log.available


async def test_a_damaged_log_is_as_none_and_said(
    seed: SqlSeed, sandbox: SandboxAddress, admin: psycopg.Connection
) -> None:
    """The functions are there, their tables are not."""
    await _until_the_data_api_knows(sandbox, there=True)
    await seed.store.check()
    admin.execute("drop table chat_bridge.change_log")
    assert await seed.store.change_log.read(None, limit=10) is None
    with capture_logs() as lines:
        await seed.store.check()
    assert not seed.store.change_log.available
    assert "store.change_log_unusable" in [line["event"] for line in lines]


@pytest.mark.parametrize(
    ("function", "arguments"),
    [("chat_bridge_changes", {}), ("chat_bridge_missed", {"since": "1", "people": []}), ("chat_bridge_prune", {})],
)
@pytest.mark.parametrize("who", ["anon", "bob"])
async def test_nobody_else_reads_it_through_the_api(
    sandbox: SandboxAddress, admin: psycopg.Connection, function: str, arguments: dict[str, object], who: str
) -> None:
    """Neither with the key that is in every page, nor signed in."""
    await _until_the_data_api_knows(sandbox, there=True)
    token = sandbox.publishable_key if who == "anon" else str(sandbox.people[who].token)
    headers = {"apikey": sandbox.publishable_key, "Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers) as http:
        answer = await http.post(f"/rest/v1/rpc/{function}", json=arguments)
    assert answer.status_code in (401, 403)
    assert answer.json()["code"] == "42501"


async def _until_the_data_api_knows(sandbox: SandboxAddress, *, there: bool) -> None:
    """Wait until the Data API has looked at the schema again."""
    headers = {"apikey": sandbox.secret_key}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers) as http:
        while (await http.post("/rest/v1/rpc/chat_bridge_changes", json={})).is_success is not there:
            pass


class TestThroughPostgREST(ChangeLogContract):
    """The suite, for this adapter."""

    @pytest.fixture
    async def scribe(self, seed: SqlSeed, sandbox: SandboxAddress, admin: psycopg.Connection) -> Scribe:
        """Let things be done by SQL."""
        await _until_the_data_api_knows(sandbox, there=True)
        await seed.store.check()
        return SqlScribe(seed, admin)


class MemoryScribe:
    """What a test says has happened."""

    def __init__(self) -> None:
        self._tables = MemoryStore()
        self._tables.recorded = []
        self.log: ChangeLog = self._tables.change_log

    async def deed(self) -> tuple[str, str]:
        """Record a deletion."""
        message_id, room = str(uuid.uuid4()), ConversationId(str(uuid.uuid4()))
        assert self._tables.recorded is not None
        self._tables.recorded.append(
            LogEntry(table="messages", operation=Operation.DELETE, row_id=message_id, conversation_id=room, at=BIRTH)
        )
        return message_id, room

    async def said(self) -> tuple[str, str, str]:
        """Record an insertion."""
        row = self._tables.add_participant(ROOM, B.user_id)
        assert self._tables.recorded is not None
        entry = LogEntry(
            table="messages", operation=Operation.INSERT, row_id=str(uuid.uuid4()), conversation_id=ROOM, at=BIRTH
        )
        self._tables.recorded.append(entry)
        return str(entry.row_id), row.user_id, X.user_id

    async def canary(self, row_id: str) -> int | None:
        """Look into the table."""
        return self._tables.canaries.get(row_id)

    async def age(self) -> None:
        """Do nothing: memory prunes everything."""


class TestInMemory(ChangeLogContract):
    """The suite, for this adapter."""

    @pytest.fixture
    def scribe(self) -> Scribe:
        """Let a test say what is done."""
        return MemoryScribe()
