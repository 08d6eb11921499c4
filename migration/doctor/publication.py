"""Which tables tell Realtime of their changes, and with what of the old row (contract data-model section 5, F44)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from bridge.feed.changes import OPTIONAL_TABLES, TABLES
from bridge.remedies import PUBLICATION, identify, publish
from migration.doctor.looks import Look, Seen, Sights, listed
from migration.findings import Finding, Severity

USEFUL: Final = (*TABLES, *OPTIONAL_TABLES)


def _publication(sights: Sights) -> Seen:
    stored = sights.of_database()
    with stored.database.looking() as connection:
        flags = connection.execute(_FLAGS, {"name": PUBLICATION}).fetchall()
        published = {
            table: bool(is_partial) for table, is_partial in connection.execute(_TABLES, {"name": PUBLICATION})
        }
    if not flags:
        return Seen([_none_at_all()])
    findings = [_unpublished(table) for table in USEFUL if table in stored.shape.columns and table not in published]
    ((*operations,),) = flags
    if not all(operations):
        findings.append(_operations_left_out())
    partial = [table for table in USEFUL if published.get(table)]
    if partial:
        findings.append(_partial(partial))
    return Seen(findings, f"published: {listed(table for table in USEFUL if table in published)}")


def _none_at_all() -> Finding:
    return Finding(
        check="publication",
        severity=Severity.ERROR,
        evidence=f"There is no publication {PUBLICATION}.",
        fix=f"create publication {PUBLICATION} for table {listed(f'public.{table}' for table in USEFUL)};",
        consequence="Realtime is silent: what legacy clients write reaches WebSocket clients at the next catch-up"
        " only.",
    )


def _unpublished(table: str) -> Finding:
    is_needed = table in TABLES
    return Finding(
        check="publication",
        severity=Severity.ERROR if is_needed else Severity.WARNING,
        evidence=f"{table} is not in the publication {PUBLICATION}.",
        fix=publish(table),
        consequence="The bridge does not become ready; what legacy clients write comes late."
        if is_needed
        else "What legacy clients and other bridges write there is not told to WebSocket clients.",
    )


def _operations_left_out() -> Finding:
    return Finding(
        check="publication",
        severity=Severity.ERROR,
        evidence=f"The publication {PUBLICATION} leaves out inserts, updates or deletes.",
        fix=f"alter publication {PUBLICATION} set (publish = 'insert, update, delete, truncate');",
        consequence="Changes of those kinds are never heard of.",
    )


def _partial(tables: list[str]) -> Finding:
    names = listed(f"public.{table}" for table in tables)
    return Finding(
        check="publication",
        severity=Severity.WARNING,
        evidence=f"The publication {PUBLICATION} has a row filter on {listed(tables)}.",
        fix=f"alter publication {PUBLICATION} drop table {names}; alter publication {PUBLICATION} add table {names};",
        consequence="Some rows are never heard of.",
    )


class _Identity(Struct, frozen=True):
    table: str
    kind: str
    has_key: bool
    is_published: bool


def _replica_identity(sights: Sights) -> Seen:
    stored = sights.of_database()
    with stored.database.looking() as connection:
        rows = connection.execute(_IDENTITIES, {"name": PUBLICATION, "tables": list(USEFUL)}).fetchall()
    found = [_Identity(*row) for row in rows]
    return Seen(list(_identity_findings(found)), listed(f"{one.table} {_KINDS[one.kind]}" for one in found))


def _identity_findings(found: list[_Identity]) -> Iterator[Finding]:
    for one in found:
        if one.kind == "n" or (one.kind == "d" and not one.has_key):
            yield Finding(
                check="replica_identity",
                severity=Severity.ERROR if one.is_published else Severity.WARNING,
                evidence=f"{one.table} has no replica identity ({_KINDS[one.kind]}).",
                fix=identify(one.table, has_key=one.has_key) + ("" if one.has_key else " -- or give it a primary key"),
                consequence="As long as it is published, every UPDATE and DELETE of it fails.",
            )
        elif one.kind == "f":
            yield Finding(
                check="replica_identity",
                severity=Severity.NOTICE,
                evidence=f"{one.table} sends whole old rows (replica identity full).",
                fix=f"{identify(one.table, has_key=True)} -- unless another reader needs them",
                consequence="More write-ahead log and larger events; the bridge does not use old rows.",
            )


_KINDS: Final = {"d": "default", "n": "nothing", "f": "full", "i": "index"}
_FLAGS: Final = "select pubinsert, pubupdate, pubdelete from pg_publication where pubname = %(name)s"
_TABLES: Final = """
select tablename::text, rowfilter is not null from pg_publication_tables
where pubname = %(name)s and schemaname = 'public'
"""
_IDENTITIES: Final = """
select c.relname::text, c.relreplident::text,
  exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary),
  exists (select from pg_publication_tables t
    where t.pubname = %(name)s and t.schemaname = 'public' and t.tablename = c.relname)
from pg_class c where c.relnamespace = 'public'::regnamespace and c.relname = any(%(tables)s) order by 1
"""

LOOKS: Final = (
    Look(name="publication", meaning="which tables tell Realtime of their changes", take=_publication),
    Look(name="replica_identity", meaning="what of old rows those tables tell", take=_replica_identity),
)
