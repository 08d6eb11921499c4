-- The change log: what happened to which row, in which transaction, and never what it says (docs/change-log.md).
-- May be run again: what is whole stays, what is half is completed.

create schema if not exists chat_bridge;
revoke all on schema chat_bridge from public;
grant usage on schema chat_bridge to service_role;

-- A table of another shape is of another version of this file; what it holds is worth no more than a new beginning.
do $$
begin
  if to_regclass('chat_bridge.changes') is not null and (
    select array_agg(attname::text order by attname) from pg_attribute
    where attrelid = to_regclass('chat_bridge.changes') and attnum > 0 and not attisdropped
  ) <> array['at', 'conversation_id', 'operation', 'row_id', 'seq', 'table_name', 'user_id', 'xid'] then
    drop table chat_bridge.changes;
    drop table if exists chat_bridge.change_log;  -- with a new identity, readers know that they have a gap
  end if;
end $$;

create table if not exists chat_bridge.changes (
  -- The transaction, not the subtransaction: what a reader may take as settled is decided by it.
  xid xid8 not null default pg_current_xact_id(),
  seq bigint not null generated always as identity,
  at timestamptz not null default clock_timestamp(),
  table_name text not null,
  operation text not null,
  row_id uuid,  -- the primary key; of message_status the message
  conversation_id uuid,
  user_id uuid,
  primary key (xid, seq)
);
comment on table chat_bridge.changes is 'chat-bridge: what happened to which row of the chat; no contents.';

create table if not exists chat_bridge.change_log (
  is_the_one boolean primary key default true check (is_the_one),
  id uuid not null default gen_random_uuid(),
  pruned_xid xid8 not null default '0',
  pruned_seq bigint not null default 0,
  keep interval not null default '72 hours' check (keep > '0'),
  max_entries bigint not null default 1000000 check (max_entries > 0)
);
comment on table chat_bridge.change_log is 'chat-bridge: which log this is, how long it is kept, how far it was pruned.';
insert into chat_bridge.change_log default values on conflict do nothing;

-- Counts what could not be recorded. A sequence, for it keeps its value when the transaction is rolled back.
create sequence if not exists chat_bridge.changes_missed minvalue 0 start 0;

-- No policies: nobody reads this through the API. service_role passes row security by, and may look.
alter table chat_bridge.changes enable row level security;
alter table chat_bridge.change_log enable row level security;
revoke all on chat_bridge.changes, chat_bridge.change_log from public, anon, authenticated;
revoke all on sequence chat_bridge.changes_missed from public, anon, authenticated;
grant select on chat_bridge.changes, chat_bridge.change_log to service_role;
