"""What the system catalogue says of a table and of a role's rights on it, remembered until the stream says otherwise.

pgoutput announces a relation anew after every change of its definition, its row security or its grants, so a fact is
good for as long as the announcement it was looked up for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from scripts.sandbox.realtime.database import Database
from scripts.sandbox.realtime.pgoutput import Relation
from scripts.sandbox.realtime.values import Shape, TypeRow, shape_of

_TABLE = """
select c.relrowsecurity,
       coalesce((select array_agg(a.attname::text) from pg_index i
                 join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
                 where i.indrelid = c.oid and i.indisprimary), '{}'),
       array_agg(a.attname::text order by a.attnum),
       array_agg(t.typname::text order by a.attnum),
       array_agg(format_type(t.oid, null) order by a.attnum),
       array_agg(t.oid::int8 order by a.attnum)
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where c.oid = %s
group by c.oid, c.relrowsecurity
"""
_ROLE = """
select r.rolsuper or r.rolbypassrls,
       array(select a.attname::text from pg_attribute a
             where a.attrelid = %(oid)s and a.attnum > 0 and not a.attisdropped
             and has_column_privilege(r.oid, a.attrelid, a.attnum, 'SELECT'))
from pg_roles r where r.rolname = %(role)s
"""
_TYPES = """
select oid::int8, typname::text, typbasetype::int8,
       case when typsubscript = 'array_subscript_handler'::regproc then typelem::int8 else 0 end, typdelim::text
from pg_type
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as an event lists it, its type as SQL names it, and how its values are shown."""

    name: str
    type_name: str
    type_sql: str
    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as far as events need it."""

    oid: int
    schema: str
    name: str
    key: frozenset[str]
    row_security: bool
    columns: tuple[Column, ...]

    @property
    def shapes(self) -> dict[str, Shape]:
        """Return the shape of each column by name."""
        return {column.name: column.shape for column in self.columns}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a role may see of a table."""

    bypasses_row_security: bool
    selectable: frozenset[str]


NO_RIGHTS = Rights(bypasses_row_security=False, selectable=frozenset())


class Catalogue:
    """Looks tables, rights and types up, once per announcement of the relation."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._tables: dict[int, tuple[Relation, Table]] = {}
        self._rights: dict[tuple[int, str], tuple[Relation, Rights]] = {}
        self._types: dict[int, TypeRow] = {}

    async def table(self, relation: Relation) -> Table | None:
        """Return the table; None if it was dropped meanwhile."""
        known = self._tables.get(relation.oid)
        if known is not None and known[0] is relation:
            return known[1]
        table = await self.table_by_oid(relation.oid, relation.schema, relation.table)
        if table is not None:
            self._tables[relation.oid] = (relation, table)
        return table

    async def table_by_oid(self, oid: int, schema: str, name: str) -> Table | None:
        """Return the table as the catalogue describes it now."""
        rows = await self._database.rows(_TABLE, (oid,))
        if not rows:
            return None
        row_security, key, names, type_names, types_sql, type_oids = rows[0]
        oids = cast("list[int]", type_oids)
        if not self._types.keys() >= set(oids):
            await self.load_types()
        columns = tuple(
            Column(name=column, type_name=type_name, type_sql=type_sql, shape=shape_of(type_oid, self._types))
            for column, type_name, type_sql, type_oid in zip(
                cast("list[str]", names), cast("list[str]", type_names), cast("list[str]", types_sql), oids, strict=True
            )
        )
        return Table(
            oid=oid,
            schema=schema,
            name=name,
            key=frozenset(cast("list[str]", key)),
            row_security=bool(row_security),
            columns=columns,
        )

    async def rights(self, relation: Relation, role: str) -> Rights:
        """Return what a role may see; nothing, if there is no such role."""
        known = self._rights.get((relation.oid, role))
        if known is not None and known[0] is relation:
            return known[1]
        rights = await self.rights_by_oid(relation.oid, role) or NO_RIGHTS
        self._rights[relation.oid, role] = (relation, rights)
        return rights

    async def rights_by_oid(self, oid: int, role: str) -> Rights | None:
        """Return what a role may see of a table now; None if there is no such role."""
        rows = await self._database.rows(_ROLE, {"oid": oid, "role": role})
        if not rows:
            return None
        bypasses, selectable = rows[0]
        return Rights(bypasses_row_security=bool(bypasses), selectable=frozenset(cast("list[str]", selectable)))

    async def load_types(self) -> None:
        """Read all types; done again when a table has one that is not known yet."""
        rows = cast("list[tuple[int, str, int, int, str]]", await self._database.rows(_TYPES))
        self._types = {
            oid: TypeRow(oid=oid, name=name, base_oid=base, element_oid=element, delimiter=delimiter)
            for oid, name, base, element, delimiter in rows
        }
