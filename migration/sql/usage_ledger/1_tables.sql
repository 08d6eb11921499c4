-- The usage ledger: who asked what, and how many rows were written by whom, by day and never with contents
-- (docs/usage.md). May be run again: what is whole stays, what is half is completed.

create schema if not exists chat_bridge;
revoke all on schema chat_bridge from public;

create table if not exists chat_bridge.usage_requests (
  day date not null,
  endpoint text not null,
  client text not null,
  version text not null,
  user_id text not null,  -- empty where nobody is known
  count bigint not null,
  last_seen timestamptz not null,
  primary key (day, endpoint, client, version, user_id)
);
comment on table chat_bridge.usage_requests is 'chat-bridge: how often which program of whom asked what.';

create table if not exists chat_bridge.usage_writes (
  day date not null,
  table_name text not null,
  conversation_id text not null,
  by_bridge bigint not null,
  by_legacy bigint not null,
  primary key (day, table_name, conversation_id)
);
comment on table chat_bridge.usage_writes is 'chat-bridge: how many rows were written, by bridges and past them.';

-- Rows counted in the last minutes, for every bridge hears of every row; with where and as whose it was counted.
create table if not exists chat_bridge.usage_counted (
  table_name text not null,
  row_key text not null,
  day date not null,
  conversation_id text not null,
  by_bridge boolean not null,
  at timestamptz not null default clock_timestamp(),
  primary key (table_name, row_key)
);
create index if not exists usage_counted_at on chat_bridge.usage_counted (at);
comment on table chat_bridge.usage_counted is 'chat-bridge: rows that are not to be counted again.';

-- What was added in the last day, for a bridge that got no answer sends the same again.
create table if not exists chat_bridge.usage_batches (
  id uuid primary key,
  at timestamptz not null default clock_timestamp()
);
create index if not exists usage_batches_at on chat_bridge.usage_batches (at);
comment on table chat_bridge.usage_batches is 'chat-bridge: batches that are not to be added again.';

-- No policies, and no rights for anybody: the functions are the only door.
alter table chat_bridge.usage_requests enable row level security;
alter table chat_bridge.usage_writes enable row level security;
alter table chat_bridge.usage_counted enable row level security;
alter table chat_bridge.usage_batches enable row level security;
revoke all on chat_bridge.usage_requests, chat_bridge.usage_writes, chat_bridge.usage_counted, chat_bridge.usage_batches
  from public, anon, authenticated;
