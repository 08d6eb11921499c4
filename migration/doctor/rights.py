"""What the role behind the secret key may do; the bridge acts with it (contract F43)."""

from __future__ import annotations

from typing import Final

from bridge.schema import NEEDED
from migration.doctor.looks import Look, Seen, Sights, listed
from migration.findings import Finding, Severity

ROLE: Final = "service_role"
OPTIONAL: Final = ("message_recipients",)


def _rights(sights: Sights) -> Seen:
    stored = sights.of_database()
    tables = [table for table in (*NEEDED, *OPTIONAL) if table in stored.shape.columns]
    with stored.database.looking() as connection:
        found = connection.execute("select rolbypassrls from pg_roles where rolname = %s", (ROLE,)).fetchall()
        if not found:
            return Seen([_no_role()])
        lacking = connection.execute(_LACKING, {"role": ROLE, "tables": tables}).fetchall()
    findings = [] if found == [(True,)] else [_does_not_bypass()]
    findings += [_lacks(table, rights) for table, rights in lacking]
    return Seen(findings, f"{ROLE} reads and writes all {len(tables)} tables, past row-level security")


def _no_role() -> Finding:
    return Finding(
        check="rights",
        severity=Severity.ERROR,
        evidence=f"There is no role {ROLE}.",
        fix=f"create role {ROLE} nologin noinherit bypassrls; grant {ROLE} to authenticator;",
        consequence="The secret key cannot be used at all.",
    )


def _does_not_bypass() -> Finding:
    return Finding(
        check="rights",
        severity=Severity.ERROR,
        evidence=f"{ROLE} does not bypass row-level security.",
        fix=f"alter role {ROLE} bypassrls;",
        consequence="Receipts, typing and presence cannot be written, and Realtime does not tell the bridge of them.",
    )


def _lacks(table: str, rights: list[str]) -> Finding:
    return Finding(
        check="rights",
        severity=Severity.ERROR,
        evidence=f"{ROLE} may not {listed(rights)} on {table}.",
        fix=f"grant {listed(rights)} on public.{table} to {ROLE};",
        consequence="The bridge's requests are refused with 42501; actions that need the table fail.",
    )


_LACKING: Final = """
select t, array_agg(r order by r)
from unnest(%(tables)s::text[]) t, unnest(array['select', 'insert', 'update', 'delete']) r
where not has_table_privilege(%(role)s, to_regclass('public.' || quote_ident(t)), r) group by t order by t
"""

LOOKS: Final = (Look(name="rights", meaning="what the role behind the secret key may do", take=_rights),)
