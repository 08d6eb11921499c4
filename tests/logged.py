"""A database with what the bridge adds to it, and people who write into it, each in a transaction of their own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

from migration import usage_ledger
from migration.change_log import install, remove

READ = "select * from public.chat_bridge_changes(%s, %s)"
PAGE = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry, as far as it is the same in every run."""

    table: str
    operation: str
    row_id: str | None
    conversation_id: str | None = None
    user_id: str | None = None


@dataclass
class Reader:
    """Reads the log page by page, as a bridge does."""

    connection: psycopg.Connection
    place: str | None = None
    is_gapless: bool = True
    places: list[tuple[int, int]] = field(default_factory=list)

    def begin(self) -> Reader:
        """Begin where the log ends now."""
        self.read()
        return self

    def read(self, *, limit: int = PAGE) -> list[Entry]:
        """Return everything that is settled and was not read before."""
        found: list[Entry] = []
        while True:
            page = self._page(limit)
            self.place = page["end"]
            self.is_gapless = page["is_gapless"]
            self.places += [(int(one["xid"]), one["seq"]) for one in page["entries"]]
            found += [
                Entry(**{name: one[name] for name in ("table", "operation", "row_id", "conversation_id", "user_id")})
                for one in page["entries"]
            ]
            if page["is_last"]:
                return found

    def _page(self, limit: int) -> dict[str, Any]:
        row = self.connection.execute(READ, (self.place, limit)).fetchone()
        assert row is not None
        page: dict[str, Any] = row[0]
        return page


class Writer:
    """Somebody with a connection, whose transaction may stay open."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn)

    def begin(self) -> None:
        """Begin, and take a transaction id, as a first write does."""
        self.connection.execute("select pg_current_xact_id()")

    def run(self, statement: str, *values: object) -> None:
        """Execute without committing."""
        self.connection.execute(statement.encode(), values)

    def message(self, room: Room, text: str = "hello", *, created_at: str = "now()") -> str:
        """Insert a message without committing, and return its id."""
        made = str(uuid.uuid4())
        self.run(
            "insert into messages (id, conversation_id, sender_id, encrypted_content, created_at) "
            f"values (%s, %s, %s, %s, {created_at})",
            made,
            room.id,
            room.ann,
            text,
        )
        return made

    def commit(self) -> None:
        """End the transaction."""
        self.connection.commit()

    def roll_back(self) -> None:
        """Take the transaction back."""
        self.connection.rollback()


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A conversation of two people."""

    id: str
    ann: str
    bob: str


def a_room(connection: psycopg.Connection) -> Room:
    """Make a conversation and its people."""
    people = [str(uuid.uuid4()) for _ in range(2)]
    for one in people:
        connection.execute(
            "insert into users (id, username, display_name, phone_number) values (%s, %s, 'Person', %s)",
            (one, one, one),
        )
    made = str(uuid.uuid4())
    connection.execute("insert into conversations (id, type) values (%s, 'group')", (made,))
    for one in people:
        connection.execute(
            "insert into conversation_participants (conversation_id, user_id) values (%s, %s)", (made, one)
        )
    connection.commit()
    return Room(id=made, ann=people[0], bob=people[1])


@contextmanager
def connected(dsn: str) -> Iterator[psycopg.Connection]:
    """Connect as an administrator whose statements commit at once."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@dataclass(frozen=True, slots=True)
class Transactions:
    """A connection as the tools know it."""

    connection: psycopg.Connection

    @contextmanager
    def looking(self, *settings: str) -> Iterator[psycopg.Connection]:
        """Begin a transaction that cannot write."""
        with self.writing("transaction_read_only = on", *settings) as connection:
            yield connection

    @contextmanager
    def writing(self, *settings: str) -> Iterator[psycopg.Connection]:
        """Begin a transaction with more of SET LOCAL."""
        with self.connection.transaction():
            for one in settings:
                self.connection.execute(f"set local {one}".encode())
            yield self.connection


def of(connection: psycopg.Connection) -> Transactions:
    """Return a connection as the tools know it."""
    return Transactions(connection)


@contextmanager
def with_log(dsn: str) -> Iterator[psycopg.Connection]:
    """Install the log until the block ends."""
    with connected(dsn) as connection:
        install(of(connection))
        try:
            yield connection
        finally:
            remove(of(connection))


@contextmanager
def with_ledger(dsn: str) -> Iterator[psycopg.Connection]:
    """Install the usage ledger until the block ends."""
    with connected(dsn) as connection:
        usage_ledger.install(of(connection))
        try:
            yield connection
        finally:
            usage_ledger.remove(of(connection))


def message_entry(operation: str, message_id: str, room: Room) -> Entry:
    """Return what is recorded of a message."""
    return Entry(table="messages", operation=operation, row_id=message_id, conversation_id=room.id)
