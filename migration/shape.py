"""What a database is like, read from its catalogue: columns, indexes, who sees what, and which database it is.

Nothing is assumed from a generation's name: real databases are stuck half-way (contract data-model section 7).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import psycopg
from msgspec import Struct

from bridge.content import ColumnType
from bridge.schema import NEEDED
from migration.errors import Refused

CORE: Final = ("users", "conversations", "conversation_participants", "messages")
"""Without these a database is no chat."""


class Index(Struct, frozen=True, kw_only=True):
    """A usable index over whole columns and all rows."""

    table: str
    columns: tuple[str, ...]


class Shape(Struct, frozen=True, kw_only=True):
    """A database's catalogue, as far as the tools need it."""

    columns: Mapping[str, Mapping[str, str]]
    """Types of columns by table; tables of other schemas have their schema's name in front."""
    indexes: tuple[Index, ...]
    hidden: tuple[str, ...]
    """Tables of which row-level security or missing rights hide rows from our role."""
    conversation_types: str
    """The text of the CHECK on conversations.type."""
    role: str
    fingerprint: str

    def has(self, name: str) -> bool:
        """Tell whether there is such a table, or column of a table (`messages.content_type`)."""
        table, _, column = name.rpartition(".") if name not in self.columns else (name, "", "")
        return table in self.columns and (not column or column in self.columns[table])

    @property
    def content(self) -> ColumnType | None:
        """The type of messages.encrypted_content; None for one that is neither text nor bytes."""
        kind = self.columns["messages"].get("encrypted_content")
        return ColumnType(kind) if kind in set(ColumnType) else None

    @property
    def missing(self) -> list[str]:
        """What the bridge needs and is not there."""
        tables = [f"the table {table}" for table in NEEDED if table not in self.columns]
        columns = [
            f"{table}.{column}"
            for table, names in NEEDED.items()
            if table in self.columns
            for column in names
            if column not in self.columns[table]
        ]
        return tables + columns

    def is_indexed(self, table: str, *columns: str) -> bool:
        """Tell whether rows can be found by these columns: an index begins with them."""
        return any(index.table == table and index.columns[: len(columns)] == columns for index in self.indexes)


def read_shape(connection: psycopg.Connection) -> Shape:
    """Read the catalogue; inside a transaction.

    Raises:
        Refused: this is no chat.

    """
    columns: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(_COLUMNS):
        columns.setdefault(table, {})[column] = kind
    absent = [table for table in CORE if table not in columns]
    if absent:
        raise Refused(f"This database is not a chat: it has no table {' and no table '.join(absent)} in schema public.")
    indexes = [Index(table=table, columns=tuple(names)) for table, names in connection.execute(_INDEXES)]
    hidden = [table for (table,) in connection.execute(_HIDDEN, {"tables": list(columns)})]
    role, types, fingerprint = connection.execute(_REST).fetchall()[0]
    return Shape(
        columns=columns,
        indexes=tuple(indexes),
        hidden=tuple(hidden),
        conversation_types=types or "",
        role=role,
        fingerprint=fingerprint,
    )


def refuse_if_hidden(shape: Shape, tables: Sequence[str] = CORE) -> None:
    """See that our role sees every row: checks of a part of the rows would report nonsense.

    Raises:
        Refused: rows are hidden from it.

    """
    hidden = sorted(set(tables) & set(shape.hidden))
    if hidden:
        raise Refused(
            f"The role {shape.role} does not see all rows of {', '.join(hidden)}; use one with BYPASSRLS, like"
            " postgres."
        )


_COLUMNS: Final = """
select case n.nspname when 'public' then '' else n.nspname || '.' end || c.relname, a.attname,
       format_type(a.atttypid, null)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relkind in ('r', 'p')
  and (n.nspname = 'public' or (n.nspname = 'auth' and c.relname = 'users' and has_schema_privilege(n.oid, 'usage')))
order by 1, a.attnum
"""
_INDEXES: Final = """
select c.relname, array(
  select a.attname::text from unnest(i.indkey::smallint[]) with ordinality as k (number, place)
  join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
  where k.place <= i.indnkeyatts order by k.place
)
from pg_index i
join pg_class c on c.oid = i.indrelid
join pg_class x on x.oid = i.indexrelid
join pg_am am on am.oid = x.relam
where c.relnamespace = 'public'::regnamespace and am.amname = 'btree'
  and i.indisvalid and i.indpred is null and i.indexprs is null
"""
_HIDDEN: Final = """
select t from unnest(%(tables)s::text[]) as t
where not has_table_privilege(to_regclass(t), 'select') or row_security_active(to_regclass(t)::oid)
"""
# What a copy of the database elsewhere, or the one restored in its place, does not share.
_REST: Final = """
select current_user,
  (select string_agg(pg_get_constraintdef(c.oid), ' ') from pg_constraint c
   where c.conrelid = to_regclass('public.conversations') and c.conname = 'conversations_type_check'),
  md5(concat_ws('/', current_database(), (select d.oid from pg_database d where d.datname = current_database()),
    to_regclass('public.messages')::oid, to_regclass('public.users')::oid))
"""
