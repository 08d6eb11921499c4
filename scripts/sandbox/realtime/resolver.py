"""From a channel's bindings to subscriptions: the tables they mean, the checks the database makes (supabase.md 2.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import psycopg

from scripts.sandbox.realtime.catalogue import Catalogue, Rights, Table
from scripts.sandbox.realtime.database import Database
from scripts.sandbox.realtime.filters import UNTYPED, Condition, MalformedFilter, parse
from scripts.sandbox.realtime.subscriptions import (
    Binding,
    MalformedBinding,
    Receiver,
    Subscription,
    Wanted,
)
from scripts.sandbox.realtime.tokens import Bearer

PUBLICATION = "supabase_realtime"
_PUBLISHED = """
select c.oid::int8, p.schemaname::text, p.tablename::text
from pg_publication_tables p
join pg_namespace n on n.nspname = p.schemaname
join pg_class c on c.relnamespace = n.oid and c.relname = p.tablename
where p.pubname = %(publication)s
and (%(schema)s = '*' or p.schemaname = %(schema)s) and (%(table)s = '*' or p.tablename = %(table)s)
and p.tablename not like '%% %%'
order by c.oid
"""  # the real poller cannot name a table with spaces and never delivers one
_FINGERPRINT = """
select coalesce(string_agg(format('%%I.%%I', schemaname, tablename), ',' order by schemaname, tablename), '')
from pg_publication_tables where pubname = %s
"""


class SubscriptionRefused(Exception):
    """The database does not accept a binding; `again` tells whether the server keeps trying."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """A binding with what it was read as."""

    binding: Binding
    wanted: Wanted
    conditions: tuple[Condition, ...]


class Resolver:
    """Turns bindings into subscriptions, for the tables published at this moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._catalogue = Catalogue(database)

    async def resolve(self, bindings: Sequence[Binding], bearer: Bearer, receiver: Receiver) -> list[Subscription]:
        """Return the subscriptions of all bindings.

        Raises:
            SubscriptionRefused: one of them is malformed or means no published table.
            psycopg.OperationalError: the database is away.

        """
        found = []
        for target in [_read(binding) for binding in bindings]:
            tables = await self._tables(target.wanted)
            if not tables:
                raise SubscriptionRefused(_nothing_to_hear(target.wanted), again=True)
            for table in tables:
                conditions = await self._checked(target, table, bearer.role)
                found.append(
                    Subscription(
                        binding_id=target.binding.id,
                        table_oid=table.oid,
                        event=target.wanted.event,
                        conditions=conditions,
                        select=target.wanted.select,
                        bearer=bearer,
                        receiver=receiver,
                    )
                )
        return found

    async def publication(self) -> str:
        """Return a text that changes when a table enters or leaves the publication."""
        rows = await self._database.rows(_FINGERPRINT, (PUBLICATION,))
        return cast("str", rows[0][0])

    async def _tables(self, wanted: Wanted) -> list[Table]:
        names = {"publication": PUBLICATION, "schema": wanted.schema, "table": wanted.table}
        rows = cast("list[tuple[int, str, str]]", await self._database.rows(_PUBLISHED, names))
        tables = [await self._catalogue.table_by_oid(*row) for row in rows]
        return [table for table in tables if table is not None]

    async def _checked(self, target: _Target, table: Table, role: str) -> tuple[Condition, ...]:
        """Check columns and values of filter and select; values come back as PostgreSQL writes them."""
        rights = await self._catalogue.rights_by_oid(table.oid, role)
        if rights is None:
            raise _failed(target.wanted, f'role "{role}" does not exist')
        for name in sorted(target.wanted.select or ()):
            if name not in rights.selectable:
                raise _failed(target.wanted, f"invalid column for select {name}")
        return tuple([await self._canonical(each, target.wanted, table, rights) for each in target.conditions])

    async def _canonical(self, condition: Condition, wanted: Wanted, table: Table, rights: Rights) -> Condition:
        types = {column.name: column.type_sql for column in table.columns}
        if condition.column not in types or condition.column not in rights.selectable:
            raise _failed(wanted, f"invalid column for filter {condition.column}")
        if condition.operator in UNTYPED:
            return condition
        query = f"select array(select each::{types[condition.column]}::text from unnest(%s::text[]) each)"
        try:
            rows = await self._database.rows(query, (list(condition.values),))
        except psycopg.DataError as error:
            raise _failed(wanted, error.diag.message_primary or "invalid filter value") from error
        return replace(condition, values=tuple(cast("list[str]", rows[0][0])))


def _read(binding: Binding) -> _Target:
    try:
        wanted = binding.wanted()
        conditions = parse(wanted.filter) if wanted.filter else ()
    except MalformedBinding as error:
        raise SubscriptionRefused(str(error), again=False) from error
    except MalformedFilter as error:
        raise SubscriptionRefused(f"Error parsing `filter` params: {error}", again=False) from error
    return _Target(binding=binding, wanted=wanted, conditions=conditions)


def _shown(wanted: Wanted) -> str:
    parts = (f"event: {wanted.event}", f"schema: {wanted.schema}", f"table: {wanted.table}")
    return f"[{', '.join(parts)}, filter: {wanted.filter or ''}]"


def _nothing_to_hear(wanted: Wanted) -> str:
    check = "Please check Realtime is enabled for the given connect parameters"
    return f"Unable to subscribe to changes with given parameters. {check}: {_shown(wanted)}"


def _failed(wanted: Wanted, reason: str) -> SubscriptionRefused:
    hint = "An exception happened so please check your connect parameters"
    text = f"Unable to subscribe to changes with given parameters. {hint}: {_shown(wanted)}. Exception: {reason}"
    return SubscriptionRefused(text, again=True)
