-- What adds to the ledger and reads it. In schema public, for PostgREST shows no other; for service_role alone.

-- Adds a batch, {"id", "requests": […], "rows": […]}, whole or not at all; false if it was added before. It comes as
-- text, for gateways differ in what they make of an object in the place of an argument. Without a batch it only fails if
-- a table is missing, by which a bridge knows whether it can count here.
create or replace function public.chat_bridge_usage_add(batch text) returns setof boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  added constant jsonb := batch;
begin
  if batch is null then
    perform from chat_bridge.usage_requests, chat_bridge.usage_writes, chat_bridge.usage_counted,
      chat_bridge.usage_batches limit 0;
    return;
  end if;

  -- One at a time: two bridges may tell of the same row at the same moment, and differ in whose it is. What the other
  -- one has counted is seen, for each statement below looks anew.
  perform pg_advisory_xact_lock('chat_bridge.usage_counted'::regclass::oid::bigint);
  delete from chat_bridge.usage_batches where at < clock_timestamp() - interval '1 day';
  delete from chat_bridge.usage_counted where at < clock_timestamp() - interval '10 minutes';

  insert into chat_bridge.usage_batches (id) values ((added ->> 'id')::uuid) on conflict do nothing;
  if not found then
    return next false;  -- its answer was lost
    return;
  end if;

  insert into chat_bridge.usage_requests as known (day, endpoint, client, version, user_id, count, last_seen)
  select told.day, told.endpoint, told.client, told.version, told.user_id, sum(told.count), max(told.last_seen)
  from jsonb_to_recordset(added -> 'requests') as told (
    day date, endpoint text, client text, version text, user_id text, count bigint, last_seen timestamptz
  )
  group by told.day, told.endpoint, told.client, told.version, told.user_id
  on conflict (day, endpoint, client, version, user_id) do update
    set count = known.count + excluded.count, last_seen = greatest(known.last_seen, excluded.last_seen);

  -- Only the bridge that wrote a row knows that it did: where others came first, their word is corrected.
  with corrected as (
    update chat_bridge.usage_counted as known set by_bridge = true
    from jsonb_to_recordset(added -> 'rows') as told ("table" text, "row" text, by_bridge boolean)
    where known.table_name = told."table" and known.row_key = told."row" and told.by_bridge and not known.by_bridge
    returning known.day, known.table_name, known.conversation_id
  ), sums as (
    select day, table_name, conversation_id, count(*) as number from corrected group by 1, 2, 3
  )
  update chat_bridge.usage_writes as w
  set by_bridge = w.by_bridge + sums.number, by_legacy = w.by_legacy - sums.number
  from sums
  where w.day = sums.day and w.table_name = sums.table_name and w.conversation_id = sums.conversation_id;

  with fresh as (
    insert into chat_bridge.usage_counted (table_name, row_key, day, conversation_id, by_bridge)
    select told."table", told."row", min(told.day), min(told.conversation_id), bool_or(told.by_bridge)
    from jsonb_to_recordset(added -> 'rows') as told (
      "table" text, "row" text, day date, conversation_id text, by_bridge boolean
    )
    group by told."table", told."row"
    on conflict (table_name, row_key) do nothing
    returning day, table_name, conversation_id, by_bridge
  )
  insert into chat_bridge.usage_writes as known (day, table_name, conversation_id, by_bridge, by_legacy)
  select day, table_name, conversation_id, count(*) filter (where by_bridge), count(*) filter (where not by_bridge)
  from fresh
  group by day, table_name, conversation_id
  on conflict (day, table_name, conversation_id) do update
    set by_bridge = known.by_bridge + excluded.by_bridge, by_legacy = known.by_legacy + excluded.by_legacy;
  return next true;
end $$;
comment on function public.chat_bridge_usage_add(text) is 'chat-bridge: adds to its usage ledger.';

-- The counts of requests from a day on, as one array: the latest day first, the most frequent of it first.
create or replace function public.chat_bridge_usage_requests(since date, max_rows integer) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_agg(to_jsonb(one) order by one.day desc, one.count desc,
    one.endpoint collate "C", one.client collate "C", one.version collate "C", one.user_id collate "C"), '[]')
  from (
    select day, endpoint, client, version, user_id, count, last_seen from chat_bridge.usage_requests
    where day >= since
    order by day desc, count desc, endpoint collate "C", client collate "C", version collate "C", user_id collate "C"
    limit max_rows
  ) as one;
$$;
comment on function public.chat_bridge_usage_requests(date, integer) is 'chat-bridge: reads its usage ledger.';

-- The counts of rows from a day on, as one array: the latest day first, the conversation with most legacy rows first.
create or replace function public.chat_bridge_usage_writes(since date, max_rows integer) returns setof jsonb
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
  select coalesce(jsonb_agg(
    jsonb_build_object('day', one.day, 'table', one.table_name, 'conversation_id', one.conversation_id,
      'by_bridge', one.by_bridge, 'by_legacy', one.by_legacy)
    order by one.day desc, one.by_legacy desc, one.by_bridge desc,
      one.table_name collate "C", one.conversation_id collate "C"), '[]')
  from (
    select day, table_name, conversation_id, by_bridge, by_legacy from chat_bridge.usage_writes
    where day >= since
    order by day desc, by_legacy desc, by_bridge desc, table_name collate "C", conversation_id collate "C"
    limit max_rows
  ) as one;
$$;
comment on function public.chat_bridge_usage_writes(date, integer) is 'chat-bridge: reads its usage ledger.';

-- Deletes the counts of days before one, and what is known of their rows, which are not to be corrected any more.
create or replace function public.chat_bridge_usage_forget(before date) returns setof boolean
language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from chat_bridge.usage_requests where day < before;
  delete from chat_bridge.usage_writes where day < before;
  delete from chat_bridge.usage_counted where day < before;
  select true;
$$;
comment on function public.chat_bridge_usage_forget(date) is 'chat-bridge: deletes old days of its usage ledger.';

-- A project's default privileges open every function of schema public to everybody.
revoke all on function public.chat_bridge_usage_add(text), public.chat_bridge_usage_requests(date, integer),
  public.chat_bridge_usage_writes(date, integer), public.chat_bridge_usage_forget(date)
  from public, anon, authenticated;
grant execute on function public.chat_bridge_usage_add(text), public.chat_bridge_usage_requests(date, integer),
  public.chat_bridge_usage_writes(date, integer), public.chat_bridge_usage_forget(date)
  to service_role;

notify pgrst, 'reload schema';
