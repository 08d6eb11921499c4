"""A direct connection to PostgreSQL: transactions that only read, small ones that write, failures as sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict

from migration.errors import Interrupted, Refused

CONNECT_SECONDS: Final = 10
LOCK_SECONDS: Final = 5
APPLICATION: Final = "chat-bridge migration"

# Names are looked up in pg_catalog first, so that nothing in public can stand in for an operator or a function of ours.
# row_security off: rather an error than rows that are missing without a word.
_EVERY_TRANSACTION: Final = (
    "set local search_path = pg_catalog, public; set local row_security = off; set local jit = off"
)

LOST: Final = "The connection to the database was lost; nothing was changed by that, and --resume goes on from there."
_STOPPED: Final = "The database did not do what it was asked: {}. What was committed until then stays."

_UNREADABLE: Final = (
    "MIGRATION_DATABASE_URL cannot be read: special characters in it must be %-encoded, and behind a ? may stand only"
    " what PostgreSQL itself knows, sslmode say; pgbouncer=true does not belong there."
)

_TROUBLES: Final[Mapping[str, str]] = {
    "password authentication failed": "refuses the password",
    "no password supplied": "wants a password, and the address has none",
    "could not translate host name": "has an address that no name server knows",
    "failed to resolve host": "has an address that no name server knows",
    "Connection refused": "cannot be reached: nobody listens at that address and port",
    "timeout": "cannot be reached: no answer in time",
    "does not exist": "has no such database or role",
    "too many": "has no connection left",
    "enant or user not found": "is a pooler that knows no such project; its user is postgres.<ref>",
    "ENOTFOUND": "is a pooler that knows no such project; its user is postgres.<ref>",
    "invalid port number": "has an address with a port that is none",
    "invalid sslmode value": "has an address with an sslmode that is none",
    "SSL": "and this machine do not agree about SSL",
    "no pg_hba.conf entry": "does not admit this machine",
}


class Database:
    """One connection; every question is a transaction of its own, so it also works through a pooler."""

    def __init__(self, connection: psycopg.Connection, *, timeout_seconds: float) -> None:
        self._connection = connection
        self._timeout_ms = int(timeout_seconds * 1000)

    @contextmanager
    def looking(self, *settings: str) -> Iterator[psycopg.Connection]:
        """Begin a transaction that cannot write and sees one moment; `settings` are more of SET LOCAL."""
        self._connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        self._connection.read_only = True
        with self._begun(settings):
            yield self._connection

    @contextmanager
    def writing(self, *settings: str) -> Iterator[psycopg.Connection]:
        """Begin a transaction that may write; locks are waited for LOCK_SECONDS at most."""
        self._connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        self._connection.read_only = False
        with self._begun((f"lock_timeout = '{LOCK_SECONDS}s'", *settings)):
            yield self._connection

    @contextmanager
    def _begun(self, settings: tuple[str, ...]) -> Iterator[None]:
        own = [_EVERY_TRANSACTION, f"set local statement_timeout = {self._timeout_ms}"]
        with self._connection.transaction():
            self._connection.execute("; ".join([*own, *(f"set local {one}" for one in settings)]).encode())
            yield

    def prove_read_only(self) -> None:
        """Make sure that a look cannot write, by asking the server itself.

        Raises:
            Refused: it could.

        """
        with self.looking() as connection:
            row = connection.execute("show transaction_read_only").fetchone()
        if row != ("on",):
            raise Refused("The server does not make transactions read-only; nothing was looked at.")


@contextmanager
def connected(url: str, *, timeout_seconds: float, read_only: bool) -> Iterator[Database]:
    """Connect until the block ends; a read-only connection cannot write in any of its transactions.

    Raises:
        Refused: nobody can connect with this address.
        Interrupted: the connection was lost inside the block, or the server refused something that it must not refuse.

    """
    connection = _connect(url, read_only=read_only)
    try:
        yield Database(connection, timeout_seconds=timeout_seconds)
    except psycopg.Error as error:
        if connection.broken or connection.closed or is_shutdown(error):
            raise Interrupted(LOST) from error
        raise Interrupted(_STOPPED.format(failure(error))) from error
    finally:
        connection.close()


def is_shutdown(error: psycopg.Error) -> bool:
    """Tell whether the server ended the connection on purpose (class 57P) or the network did (class 08)."""
    return error.sqlstate is None or error.sqlstate.startswith(("57P", "08"))


def failure(error: psycopg.Error) -> str:
    """Say why a question failed: its SQLSTATE tells, and unlike the message never quotes a row."""
    if isinstance(error, psycopg.errors.QueryCanceled):
        return "it took longer than --statement-timeout allows"
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return "the role may not read or write what it is about"
    return f"PostgreSQL refused the question with {error.sqlstate}"


def subject_of(url: str) -> str:
    """Return host and database of an address: what a report may name."""
    parts = _parts(url)
    return f"{parts.get('dbname') or parts.get('user') or 'postgres'} at {parts.get('host') or 'a local socket'}"


def _connect(url: str, *, read_only: bool) -> psycopg.Connection:
    parts = _parts(url)
    options = str(parts.get("options") or "")
    try:
        if read_only:
            return _opened(url, parts, f"{options} -c default_transaction_read_only=on")
        return _opened(url, parts, options)
    except psycopg.OperationalError as error:
        # A pooler may refuse options, and must not be told by SET, which the next client would inherit. Every
        # transaction of ours begins as READ ONLY all the same.
        if not read_only or "startup parameter" not in str(error):
            raise Refused(f"The database of MIGRATION_DATABASE_URL {_trouble(str(error))}.") from None
    try:
        return _opened(url, parts, options)
    except psycopg.OperationalError as error:
        raise Refused(f"The database of MIGRATION_DATABASE_URL {_trouble(str(error))}.") from None


def _opened(url: str, parts: Mapping[str, object], options: str) -> psycopg.Connection:
    return psycopg.connect(
        url,
        autocommit=True,
        prepare_threshold=None,  # poolers hand the next transaction to another server process
        connect_timeout=int(str(parts.get("connect_timeout") or CONNECT_SECONDS)),
        application_name=APPLICATION,
        options=options,
    )


def _parts(url: str) -> Mapping[str, object]:
    if not re.match(r"postgres(ql)?://", url):
        raise Refused("MIGRATION_DATABASE_URL must begin with postgresql://.")
    try:
        parts = conninfo_to_dict(url)
        int(str(parts.get("connect_timeout") or CONNECT_SECONDS))
    except (psycopg.ProgrammingError, ValueError):
        # The parser quotes what it could not read, and that may be the password.
        raise Refused(_UNREADABLE) from None
    if "@" in str(parts.get("host")):  # half a password: no name server is to be asked for it
        raise Refused(_UNREADABLE)
    return parts


def _trouble(said: str) -> str:
    return next((text for part, text in _TROUBLES.items() if part in said), "refuses the connection")
