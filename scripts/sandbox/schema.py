"""From SQL files to a migrated database: the platform of a Supabase project, then the chat's own migrations."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

import psycopg

from scripts.sandbox.generations import SQL, Generation, migrations

PLATFORM: Final = SQL / "platform.sql"
PUBLISH_ALL: Final = SQL / "publication.sql"

Publication = Literal["full", "messages", "empty"]


async def migrate(dsn: str, generation: Generation) -> None:
    """Turn an empty database into a Supabase project with the chat's schema; `dsn` is a superuser's."""
    await _execute(dsn, PLATFORM.read_bytes())
    await apply(dsn, migrations(generation))


async def apply(dsn: str, files: Iterable[Path]) -> None:
    """Apply migrations, each in a transaction of its own; one that fails ends it, and its name is in the error's notes.

    They run as `postgres`, who owns the tables but is no superuser, as in a real project.
    """
    for file in files:
        try:
            await _execute(dsn, b"set role postgres", file.read_bytes())
        except psycopg.Error as error:
            error.add_note(f"in {file.name}")
            raise


async def publish(dsn: str, publication: Publication) -> None:
    """Put the chat tables, only the messages, or nothing into `supabase_realtime` (data-model, section 5)."""
    if publication == "full":
        await _execute(dsn, PUBLISH_ALL.read_bytes())
    elif publication == "messages":
        await _execute(dsn, b"alter publication supabase_realtime add table public.messages")


async def _execute(dsn: str, *scripts: bytes) -> None:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        for script in scripts:
            await connection.execute(script)
        await connection.commit()  # not left to the end of the block, which does not close after a commit that fails
