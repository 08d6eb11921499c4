"""What load_conversations costs somebody with many conversations, and whether it grows with their history."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import psycopg

from bridge.client import WireClient
from scripts.benchmarks.tables import Row, milliseconds, percentile, print_table
from scripts.sandbox.address import SandboxAddress
from scripts.stack import running_bridge, running_sandbox

CONVERSATIONS = 500
MESSAGES_PER_CONVERSATION = 200
HISTORY_DAYS = 25
UNREAD = 2
LOADS = 30
CALL_COUNTS = 5
"""What the bridge asks from time to time falls into some of the loads, and only adds: the least is the list's own."""
INDEX = "create index messages_newest_first on public.messages (conversation_id, created_at desc, id desc)"
HEADINGS = ("messages in them", "index", "PostgREST calls", "p50", "p99")


async def measure(scale: float) -> None:
    """Load the list of 500 conversations at 200 messages each and at ten times their history, and print the table."""
    conversations, loads = max(10, int(CONVERSATIONS * scale)), max(5, int(LOADS * scale))
    rows: list[Row] = []
    async with (
        running_sandbox(quiet=True) as (sandbox, _),
        await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as database,
    ):
        reader = str(sandbox.people["bob"].user_id)
        await database.execute("set session_replication_role = replica")
        async with _unheard(database):
            await _join(database, reader, conversations)
            await _talk(database, reader, MESSAGES_PER_CONVERSATION, since_days=0, days=HISTORY_DAYS)
        rows.append(await _loads(sandbox, database, loads, "no"))
        await database.execute(INDEX.encode())
        rows.append(await _loads(sandbox, database, loads, "yes"))
        async with _unheard(database):
            for part in range(1, 10):
                since = HISTORY_DAYS * part
                await _talk(database, reader, MESSAGES_PER_CONVERSATION, since_days=since, days=HISTORY_DAYS)
        rows.append(await _loads(sandbox, database, loads, "yes"))
    print_table(f"load_conversations with {conversations} conversations", HEADINGS, rows)


@asynccontextmanager
async def _unheard(database: psycopg.AsyncConnection) -> AsyncIterator[None]:
    """Write without Realtime: whoever subscribes next would have to be told of a million rows first."""
    tables = "public.messages, public.message_status, public.conversations, public.conversation_participants"
    await database.execute(f"alter publication supabase_realtime drop table {tables}".encode())
    yield
    await database.execute(f"alter publication supabase_realtime add table {tables}".encode())


async def _join(database: psycopg.AsyncConnection, reader: str, conversations: int) -> None:
    """Make conversations of the reader and two other people."""
    ids = [str(uuid.uuid4()) for _ in range(conversations)]
    await database.execute(
        "insert into conversations (id, type, name) select one::uuid, 'group', 'crowd' from unnest(%s::text[]) one",
        (ids,),
    )
    await database.execute(
        "insert into conversation_participants (conversation_id, user_id) "
        "select c.id, u.id from conversations c, "
        "(select id from users where id = %s union all (select id from users where id <> %s order by id limit 2)) u "
        "where c.name = 'crowd'",
        (reader, reader),
    )


async def _talk(database: psycopg.AsyncConnection, reader: str, count: int, *, since_days: int, days: int) -> None:
    """Let the others write `count` messages into each conversation, all read but the newest; none expires."""
    await database.execute(
        "insert into messages (conversation_id, sender_id, encrypted_content, created_at) "
        "select p.conversation_id, p.user_id, 'message ' || n, "
        "now() - make_interval(days => %(since)s) - n * make_interval(secs => %(days)s * 86400.0 / %(count)s) "
        "from (select distinct on (conversation_id) conversation_id, user_id from conversation_participants "
        "join conversations c on c.id = conversation_id and c.name = 'crowd' where user_id <> %(reader)s) p, "
        "generate_series(1, %(count)s) n",
        {"since": since_days, "days": days, "count": count, "reader": reader},
    )
    await database.execute(
        "insert into message_status (message_id, user_id, status) select m.id, %(reader)s, 'read' from messages m "
        "join conversations c on c.id = m.conversation_id and c.name = 'crowd' "
        "where m.created_at < now() - make_interval(secs => %(unread)s) on conflict do nothing",
        {"reader": reader, "unread": (UNREAD + 0.5) * days * 86400.0 / count},
    )
    await database.execute("analyze")


async def _loads(sandbox: SandboxAddress, database: psycopg.AsyncConnection, count: int, index: str) -> Row:
    """Measure with a bridge of its own: one that had to relay a million messages first would still be busy."""
    cursor = await database.execute(
        "select count(*) from messages m join conversations c on c.id = m.conversation_id and c.name = 'crowd'"
    )
    (messages,) = await cursor.fetchone() or (0,)
    sample: list[float] = []
    async with running_bridge(sandbox, quiet=True) as (url, _), WireClient.connect(url) as bob:
        await bob.authenticate(str(sandbox.people["bob"].token))
        calls = min([await _calls(sandbox, bob) for _ in range(CALL_COUNTS)])
        for _ in range(count):
            began_at = time.perf_counter()
            await bob.request("load_conversations", {})
            sample.append(time.perf_counter() - began_at)
    return Row(
        f"{messages:,}",
        [index, str(calls), milliseconds(percentile(sample, 0.5)), milliseconds(percentile(sample, 0.99))],
    )


async def _calls(sandbox: SandboxAddress, client: WireClient) -> int:
    """Return how many requests one load sends to the Data API."""
    headers = {"apikey": sandbox.secret_key}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers) as operator:

        async def requests() -> int:
            answer = (await operator.get("/sandbox/status")).raise_for_status()
            return int(answer.json()["data_api_requests"])

        before = await requests()
        await client.request("load_conversations", {})
        return await requests() - before
