"""From SQL files to a migrated database: the platform of a Supabase project, then the chat's own migrations."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import psycopg

SQL: Final = Path(__file__).parent / "sql"
PLATFORM: Final = SQL / "platform.sql"
PUBLISH_ALL: Final = SQL / "publication.sql"

Publication = Literal["full", "messages", "empty"]


def migrations() -> list[Path]:
    """Return the files of the schema DB-1, in the order in which they apply."""
    return sorted((SQL / "db1").glob("*.sql"))


async def migrate(dsn: str) -> None:
    """Turn an empty database into a Supabase project with the chat's schema; `dsn` is a superuser's.

    The migrations run as `postgres`, who owns the tables but is no superuser, as in a real project.
    """
    await _execute(dsn, PLATFORM.read_bytes())
    for file in migrations():
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
