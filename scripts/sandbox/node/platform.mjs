// The database objects the Data API and Auth need, added to what is there; nothing of the platform is replaced.

import { getAuthSchemaSql } from "@supabase/lite";

// lite would create its own, which read only the older spelling of the claims (supabase.md 8.2, fault g).
const CLAIM = (name) => `coalesce(
  nullif(current_setting('request.jwt.claim.${name}', true), ''),
  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> '${name}')`;
const FUNCTIONS = `
create schema if not exists auth;
create or replace function auth.uid() returns uuid language sql stable as $$ select (${CLAIM("sub")})::uuid $$;
create or replace function auth.role() returns text language sql stable as $$ select ${CLAIM("role")} $$;
create or replace function auth.email() returns text language sql stable as $$ select ${CLAIM("email")} $$;
create or replace function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim', true), ''),
                  nullif(current_setting('request.jwt.claims', true), ''))::jsonb $$;
grant usage on schema auth to anon, authenticated, service_role;
grant execute on all functions in schema auth to anon, authenticated, service_role;
`;

// Supabase has these two: a changed table is known to the Data API at once.
const SCHEMA_WATCH = `
create schema if not exists extensions;
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
    await transaction.unsafe(FUNCTIONS);
    await transaction.unsafe(authSchema());
  });
  const [{ superuser }] = await sql`select rolsuper as superuser from pg_roles where rolname = current_user`;
  if (superuser) await sql.unsafe(SCHEMA_WATCH);
}
