// The database objects the Data API and Auth need, added to what is there; nothing of the platform is replaced.
// (lite's own installer would replace auth.uid() and auth.role(): supabase.md 8.2, fault g. It is never called.)

import { getAuthSchemaSql } from "@supabase/lite";

// Supabase has these two: a changed table is known to the Data API at once.
const SCHEMA_WATCH = `
create or replace function extensions.pgrst_ddl_watch() returns event_trigger language plpgsql as
  $$ begin notify pgrst, 'reload schema'; end $$;
drop event trigger if exists pgrst_ddl_watch;
drop event trigger if exists pgrst_drop_watch;
create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();
create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_ddl_watch();
`;

/** Split one CREATE TABLE into `alter table … add column if not exists` for tables that exist with fewer columns. */
function missingColumns(statement) {
  const match = /^create table if not exists (\S+) \(([\s\S]*)\)$/i.exec(statement.trim());
  if (!match) return [];
  const [, table, body] = match;
  const generated = (part) => Number(/\bgenerated always as\b/i.test(part)); // last: they read the others
  return topLevelParts(body)
    .filter((part) => !/^(unique|primary|check|foreign)\b/i.test(part))
    .sort((one, other) => generated(one) - generated(other))
    .map((part) => `alter table ${table} add column if not exists ${part}`);
}

/** Split at commas that are outside of parentheses. */
function topLevelParts(text) {
  const parts = [""];
  let depth = 0;
  for (const character of text) {
    depth += character === "(" ? 1 : character === ")" ? -1 : 0;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts.map((part) => part.trim()).filter(Boolean);
}

/** Return lite's auth schema as statements that also complete tables somebody else began. */
function authSchema() {
  const statements = getAuthSchemaSql().replace(/--[^\n]*/g, "").split(";").map((part) => part.trim()).filter(Boolean);
  return statements.flatMap((statement) => [statement, ...missingColumns(statement)]).join(";\n");
}

/** Install everything; `sql` is the driver. */
export async function installPlatform(sql) {
  await sql.begin(async (transaction) => {
    await transaction.unsafe("select pg_advisory_xact_lock(hashtext('sandbox data api'))");
    await transaction.unsafe(authSchema());
  });
  const [{ superuser }] = await sql`select rolsuper as superuser from pg_roles where rolname = current_user`;
  if (superuser) await sql.unsafe(SCHEMA_WATCH);
}
