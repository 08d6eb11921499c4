-- What the tests of the Realtime stand-in need of a database whose server has the roles of a Supabase project.
create schema auth;
grant usage on schema auth, public to anon, authenticated, service_role;
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(nullif(current_setting('request.jwt.claim.sub', true), ''),
                  nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid
$$;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;

create publication supabase_realtime;

-- The table of the recorded exchanges: whole old rows, and only members of a conversation see its messages.
create table members (conversation_id uuid, user_id uuid, primary key (conversation_id, user_id));
create table messages (
  id uuid primary key default gen_random_uuid(),
  conversation_id uuid not null,
  sender_id uuid not null,
  reply_to uuid,
  body text not null,
  meta jsonb default '{}',
  created_at timestamptz default now(),
  edited_at timestamptz
);
alter table messages replica identity full;
alter table messages enable row level security;
create policy "members read" on messages for select
  using (exists (select from members m where m.conversation_id = messages.conversation_id and m.user_id = auth.uid()));

-- Nobody but a role that bypasses row security sees these, as in the chat schema.
create table typing_indicators (id int primary key, is_typing boolean);
alter table typing_indicators enable row level security;

-- Open to everybody; only the key identifies an old row.
create table notes (id int primary key, body text, rank numeric, written_at timestamptz, tags text[]);

-- Tables that make events go wrong.
create table keyless (body text);
create table locked (id int primary key, body text);
revoke all on locked from anon;
create table partly (id int primary key, shown text, hidden text);
revoke all on partly from anon;
grant select (id, shown) on partly to anon;
create table "spaced name" (id int primary key);
create table unpublished (id int primary key);
create table failing (id int primary key);
alter table failing enable row level security;
create policy "always fails" on failing for select using (1 / (id - id) = 1);

alter publication supabase_realtime
  add table messages, typing_indicators, notes, keyless, locked, partly, "spaced name", failing;
