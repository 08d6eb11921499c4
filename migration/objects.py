"""What the bridge adds to a database, installed and removed by transactions of SQL that may also be pasted.

Each step is a transaction of its own, so that no two of the chat's tables are locked at once and none for longer than
it takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Final, Protocol

import psycopg

LOCK_MS: Final = 1000
ATTEMPTS: Final = 10
PAUSE_SECONDS: Final = 1.0

_SQL: Final = Path(__file__).parent / "sql"
_THERE: Final = """
select name from unnest(%s::text[]) as name where to_regclass(name) is not null
union all select name from unnest(%s::text[]) as name where to_regprocedure(name) is not null
"""
_COLUMNS: Final = """
select count(*) from pg_attribute
where attrelid = to_regclass(%s) and attname = any (%s) and attnum > 0 and not attisdropped
"""


class Busy(Exception):
    """A table was never free for a moment; nothing is broken, and the same thing goes on later."""


class NotAllowed(Exception):
    """The role has not the right."""


class Database(Protocol):
    """A connection each of whose questions is a transaction."""

    def looking(self, *settings: str) -> AbstractContextManager[psycopg.Connection]:
        """Begin a transaction that cannot write."""
        ...

    def writing(self, *settings: str) -> AbstractContextManager[psycopg.Connection]:
        """Begin a transaction that may write, with more of SET LOCAL."""
        ...


@contextmanager
def looking(database: Database) -> Iterator[psycopg.Connection]:
    """Begin a transaction that looks at what is there.

    Raises:
        NotAllowed: the role may not.

    """
    try:
        with database.looking() as connection:
            yield connection
    except psycopg.errors.InsufficientPrivilege:
        raise NotAllowed from None


def sql_of(directory: str, *names: str) -> str:
    """Return the text of files in a directory of migration/sql."""
    return "\n".join((_SQL / directory / f"{name}.sql").read_text() for name in names)


def script(transactions: Sequence[str]) -> str:
    """Return transactions as one text for an SQL editor."""
    return "\n".join(f"begin;\nset local lock_timeout = {LOCK_MS};\n{one.strip()}\ncommit;\n" for one in transactions)


def execute(database: Database, transactions: Sequence[str], *, pause: Callable[[float], None] = time.sleep) -> None:
    """Execute transactions one by one; none waits for a table longer than LOCK_MS, for the app waits behind it.

    Raises:
        NotAllowed: the role may not.
        Busy: a table is never free for a moment.

    """
    for transaction in transactions:
        attempts = 1
        while not _is_executed(database, transaction):
            if attempts == ATTEMPTS:
                raise Busy
            attempts += 1
            pause(PAUSE_SECONDS)


def there(connection: psycopg.Connection, relations: Sequence[str], functions: Sequence[str]) -> set[str]:
    """Return those that are there."""
    return {row[0] for row in connection.execute(_THERE.encode(), (list(relations), list(functions)))}


def has_columns(connection: psycopg.Connection, table: str, columns: Sequence[str]) -> bool:
    """Tell whether a table is there and is of the kind that is meant."""
    return connection.execute(_COLUMNS.encode(), (table, list(columns))).fetchone() == (len(columns),)


def _is_executed(database: Database, transaction: str) -> bool:
    """Execute a transaction, unless a table is not to be had."""
    try:
        with database.writing(f"lock_timeout = {LOCK_MS}") as connection:
            connection.execute(transaction.encode())
    except psycopg.errors.LockNotAvailable:  # quiet: it is tried again, and told after the last time
        return False
    except psycopg.errors.InsufficientPrivilege:
        raise NotAllowed from None
    return True
