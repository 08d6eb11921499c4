"""How often somebody who types writes into the database: a keystroke is not a write (contract F36)."""

from __future__ import annotations

import asyncio

import psycopg

from bridge.client import WireClient
from scripts.benchmarks.tables import Row, print_table
from scripts.stack import running_bridge, running_sandbox

TYPING_SECONDS = 60.0
KEYSTROKE_SECONDS = 0.2
CONVERSATION = "bob-carol"
COUNTING = """
create sequence public.typing_writes;
create function public.count_typing() returns trigger language plpgsql security definer as
  $$ begin perform nextval('public.typing_writes'); return null; end $$;
create trigger count_typing after insert or update or delete on public.typing_indicators
  for each row execute function public.count_typing()
"""


async def measure(scale: float) -> None:
    """Let one person type for a minute, five keys a second, and count the rows written."""
    seconds = TYPING_SECONDS * scale
    async with (
        running_sandbox(quiet=True) as (sandbox, _),
        await psycopg.AsyncConnection.connect(sandbox.database_url, autocommit=True) as database,
        running_bridge(sandbox, quiet=True) as (url, _),
        WireClient.connect(url) as bob,
    ):
        await database.execute(COUNTING.encode())
        await bob.authenticate(str(sandbox.people["bob"].token))
        conversation = {"conversationId": str(sandbox.conversations[CONVERSATION])}
        await bob.request("join_conversation", conversation)
        keys = round(seconds / KEYSTROKE_SECONDS)
        for _ in range(keys):
            await bob.request("typing_start", conversation)
            await asyncio.sleep(KEYSTROKE_SECONDS)
        await bob.request("typing_stop", conversation)
        cursor = await database.execute("select last_value, is_called from public.typing_writes")
        last, is_called = await cursor.fetchone() or (0, False)
    writes = last if is_called else 0
    print_table(
        "Typing, one person",
        ("", "keystrokes", "rows written", "a minute"),
        [Row(f"{seconds:g} s", [str(keys), str(writes), f"{writes * 60 / seconds:.0f}"])],
    )
