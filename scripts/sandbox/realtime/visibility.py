"""May this role with these claims see that row? Asked of PostgreSQL itself, as the role (supabase.md 2.4).

The real server does the same in SQL: it takes the role, sets `request.jwt.claims` and selects the row by its primary
key. All questions of a batch go in one round trip, and equal questions are asked once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from psycopg import sql

from scripts.sandbox.realtime.catalogue import Table
from scripts.sandbox.realtime.changes import Change
from scripts.sandbox.realtime.database import Database

_log = logging.getLogger(__name__)
# The log shows a commit a moment before other sessions can see it: wait for them, or a row would be judged too early.
# The stream's transaction ids have 32 bits; the epoch is that of the nearest 64-bit id.
# A failing policy answers "not visible" for its row only; the reason comes back for the log.
SETUP = """
create function pg_temp.rows_visible(xids bigint[], queries text[], roles text[], claims text[]) returns text[]
language plpgsql as $$
declare
  verdicts text[] := '{}'; seen boolean; verdict text; xid bigint; newest bigint; snapshot pg_snapshot;
begin
  foreach xid in array xids loop
    loop
      snapshot := pg_current_snapshot();
      newest := pg_snapshot_xmax(snapshot)::text::bigint;
      exit when pg_visible_in_snapshot(
        (newest + ((xid - newest) << 32 >> 32))::text::xid8, snapshot);
      perform pg_sleep(0.0002);
    end loop;
  end loop;
  for i in 1 .. coalesce(array_length(queries, 1), 0) loop
    begin
      perform set_config('role', roles[i], true), set_config('request.jwt.claims', claims[i], true);
      execute queries[i] into seen;
      verdict := case when seen then 'visible' else 'hidden' end;
    exception when others then
      verdict := sqlstate || ' ' || sqlerrm;
    end;
    perform set_config('role', 'none', true);
    verdicts := array_append(verdicts, verdict);
  end loop;
  return verdicts;
end $$
"""
_ASK = "select pg_temp.rows_visible(%s::bigint[], %s::text[], %s::text[], %s::text[])"


@dataclass(frozen=True, slots=True)
class Question:
    """A row, named by a query, and who wants to see it."""

    query: str
    role: str
    claims_json: str


def question(change: Change, table: Table, role: str, claims_json: str) -> Question:
    """Ask for the row of an insert or update by its primary key."""
    row = change.known
    matches = sql.SQL(" and ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Literal(row[name])) for name in sorted(table.key)
    )
    query = sql.SQL("select exists (select from {} where {})").format(sql.Identifier(table.schema, table.name), matches)
    return Question(query.as_string(), role, claims_json)


class Visibility:
    """Answers questions; its database needs `SETUP` and a role that may become any other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answer(self, xids: Iterable[int], questions: Iterable[Question]) -> frozenset[Question]:
        """Wait until everybody can see these transactions, then return the questions whose asker may see the row."""
        asked = list(dict.fromkeys(questions))
        columns = (
            list(xids),
            [each.query for each in asked],
            [each.role for each in asked],
            [each.claims_json for each in asked],
        )
        rows = await self._database.rows(_ASK, columns)
        verdicts = cast("list[str]", rows[0][0])
        for each, verdict in zip(asked, verdicts, strict=True):
            if verdict not in ("visible", "hidden"):
                _log.warning("row security of role %s failed: %s", each.role, verdict)
        return frozenset(each for each, verdict in zip(asked, verdicts, strict=True) if verdict == "visible")
