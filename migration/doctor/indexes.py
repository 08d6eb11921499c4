"""Indexes that the bridge's questions need: without them the cost of a list grows with everybody's history."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import Struct

from migration.doctor.looks import Look, Seen, Sights, listed
from migration.findings import Finding, Severity

SQL: Final = Path(__file__).parents[1] / "sql" / "indexes.sql"


class Wanted(Struct, frozen=True, kw_only=True):
    """An index, by the columns that it has to begin with."""

    table: str
    columns: tuple[str, ...]
    asks: str
    """Which question of the bridge needs it."""


WANTED: Final = (
    Wanted(table="messages", columns=("conversation_id", "created_at"), asks="the newest messages of a conversation"),
    Wanted(table="messages", columns=("created_at",), asks="what was written since the last catch-up"),
    Wanted(table="conversation_participants", columns=("conversation_id",), asks="who is in a conversation"),
    Wanted(table="conversation_participants", columns=("user_id",), asks="somebody's conversations"),
    Wanted(table="message_status", columns=("message_id",), asks="what has been read"),
    Wanted(table="conversations", columns=("group_id",), asks="the rooms of a group"),
    Wanted(table="group_members", columns=("user_id",), asks="somebody's groups"),
    Wanted(table="users", columns=("auth_user_id",), asks="whose token this is"),
    Wanted(table="users", columns=("phone_number",), asks="whose phone number this is"),
    Wanted(table="message_recipients", columns=("message_id",), asks="the sealed copies of a message"),
)


def statement(wanted: Wanted) -> str:
    """Return what makes the index: as `migration/sql/indexes.sql` has it, if it does."""
    begins = f"on public.{wanted.table} ({', '.join(wanted.columns)}"
    text = "\n".join(line for line in SQL.read_text().splitlines() if not line.startswith("--"))
    written = (" ".join(one.split()) for one in text.split(";"))
    found = next((one for one in written if begins in one), None)
    return f"{found or f'create index concurrently {begins})'};"


def _indexes(sights: Sights) -> Seen:
    stored = sights.of_database()
    shape = stored.shape
    wanted = [one for one in WANTED if shape.has(f"{one.table}.{one.columns[-1]}")]
    findings = [_missing(one) for one in wanted if not shape.is_indexed(one.table, *one.columns)]
    with stored.database.looking() as connection:
        broken = [name for (name,) in connection.execute(_INVALID)]
    findings += [_broken(name) for name in broken]
    return Seen(findings, f"all {len(wanted)} are there")


def _missing(one: Wanted) -> Finding:
    return Finding(
        check="indexes",
        severity=Severity.WARNING,
        evidence=f"No index on {one.table} begins with ({listed(one.columns)}).",
        fix=f"{statement(one)} -- outside a transaction",
        consequence=f"To find {one.asks}, PostgreSQL reads its way through rows of everybody.",
    )


def _broken(name: str) -> Finding:
    return Finding(
        check="indexes",
        severity=Severity.WARNING,
        evidence=f"The index {name} is not valid: building it concurrently was broken off.",
        fix=f"drop index concurrently public.{name}; -- then build it again",
        consequence="It is kept up to date at every write, and never used.",
    )


_INVALID: Final = """
select quote_ident(x.relname)
from pg_index i join pg_class x on x.oid = i.indexrelid join pg_class c on c.oid = i.indrelid
where c.relnamespace = 'public'::regnamespace and not i.indisvalid order by 1
"""

LOOKS: Final = (Look(name="indexes", meaning="whether the bridge's questions find their indexes", take=_indexes),)
