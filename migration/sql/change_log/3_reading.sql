-- What reads the log and keeps it short. In schema public, for PostgREST shows no other; for service_role alone.

-- A page of what is settled after a place, with the place to go on from. Without a place: where the log ends now.
--
-- Settled is what transactions below the oldest one still running wrote: nothing can appear among it any more, however
-- late somebody commits. STABLE, so that everything here sees the snapshot whose lower end is asked for.
-- A place is <log>/<transaction>/<number>/<missed>; readers give it back as they got it.
create or replace function public.chat_bridge_changes(after text default null, max_entries integer default 1000)
returns setof jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  settled constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  log record;
  missed bigint;
  place_xid xid8 := settled;
  place_seq bigint := 0;
  is_gapless boolean := true;
  entries jsonb := '[]';
  number integer := 0;
begin
  select id, pruned_xid, pruned_seq into strict log from chat_bridge.change_log;
  select case when is_called then last_value + 1 else 0 end into missed from chat_bridge.changes_missed;
  if after is not null then
    place_xid := split_part(after, '/', 2)::xid8;
    place_seq := split_part(after, '/', 3)::bigint;
    is_gapless := split_part(after, '/', 1) = log.id::text
      and split_part(after, '/', 4) = missed::text
      and (place_xid, place_seq) >= (log.pruned_xid, log.pruned_seq)
      and place_xid <= settled;  -- else the database is another one, restored from a copy say
    if is_gapless then
      select coalesce(jsonb_agg(page.entry order by page.xid, page.seq), '[]'), count(*) into entries, number
      from (
        select xid, seq, jsonb_build_object(
          'table', table_name, 'operation', operation, 'row_id', row_id, 'conversation_id', conversation_id,
          'user_id', user_id, 'at', at, 'xid', xid::text, 'seq', seq
        ) as entry
        from chat_bridge.changes as c
        where (c.xid, c.seq) > (place_xid, place_seq) and c.xid < settled
        order by c.xid, c.seq
        limit max_entries
      ) as page;
    end if;
    if number > 0 and number = max_entries then
      place_xid := (entries -> -1 ->> 'xid')::xid8;
      place_seq := (entries -> -1 ->> 'seq')::bigint;
    else
      place_xid := settled;
      place_seq := 0;
    end if;
  end if;
  return next jsonb_build_object(
    'end', concat_ws('/', log.id, place_xid, place_seq, missed),
    'is_gapless', is_gapless,
    'is_last', number < max_entries,
    'entries', entries
  );
end $$;
comment on function public.chat_bridge_changes(text, integer) is 'chat-bridge: reads its change log.';

-- What concerns somebody, by any of their ids, from a transaction on: what a client may have missed that comes back from
-- another bridge (docs/protocol.md, "Reconnecting"). Not only what is settled: whatever is committed by now, for what is
-- committed later will be told to it live. Messages, receipts and lists of the conversations that they are in now, and
-- their own participant rows. Without "entries": that is not known completely.
create or replace function public.chat_bridge_missed(since text, people uuid[], max_entries integer default 1000)
returns setof jsonb
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
declare
  since_xid constant xid8 := since::xid8;
  log record;
  missed bigint;
  entries jsonb;
begin
  select id, pruned_xid, pruned_seq into strict log from chat_bridge.change_log;
  select case when is_called then last_value + 1 else 0 end into missed from chat_bridge.changes_missed;
  if (since_xid, 0::bigint) >= (log.pruned_xid, log.pruned_seq)
    and since_xid <= pg_snapshot_xmax(pg_current_snapshot())  -- else the database was restored from a copy
    and not exists (select from chat_bridge.changes as c where c.xid >= since_xid and c.operation = 'TRUNCATE')
  then
    select coalesce(jsonb_agg(found.entry order by found.xid, found.seq), '[]') into entries
    from (
      select c.xid, c.seq, jsonb_build_object(
        'table', c.table_name, 'operation', c.operation, 'row_id', c.row_id,
        'conversation_id', coalesce(c.conversation_id, m.conversation_id), 'user_id', c.user_id, 'at', c.at
      ) as entry
      from chat_bridge.changes as c
      left join public.messages as m on c.table_name = 'message_status' and m.id = c.row_id
      where c.xid >= since_xid and (
        (c.table_name = 'conversation_participants' and c.user_id = any (people))
        or coalesce(c.conversation_id, m.conversation_id) in (
          select p.conversation_id from public.conversation_participants as p
          where p.user_id = any (people) and p.left_at is null
        )
      )
      order by c.xid, c.seq
      limit max_entries
    ) as found;
  end if;
  return next jsonb_build_object('log', concat_ws('/', log.id, missed), 'entries', entries);
end $$;
comment on function public.chat_bridge_missed(text, uuid[], integer) is 'chat-bridge: what somebody may have missed.';

-- Deletes the oldest entries: those over their time, and those over their number; at most 20,000 at once, so that a
-- call ends within any statement timeout. Returns whether that was all. Only what is settled goes, from the front, so
-- that one place says which readers have a gap.
create or replace function public.chat_bridge_prune() returns setof boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  settled constant xid8 := pg_snapshot_xmin(pg_current_snapshot());
  at_once constant integer := 20000;
  log record;
  bound record;  -- no further in one call
  kept record;  -- where what is kept begins
  found_one record;
  gone record;
begin
  select keep, max_entries into log from chat_bridge.change_log for update skip locked;
  if not found then
    return next true;  -- another one is at it
    return;
  end if;
  select settled as xid, 0::bigint as seq into bound;
  select c.xid, c.seq into found_one from chat_bridge.changes as c
  where c.xid < settled order by c.xid, c.seq offset at_once limit 1;
  if found then
    bound := found_one;
  end if;
  kept := bound;
  select c.xid, c.seq into found_one from chat_bridge.changes as c
  where (c.xid, c.seq) < (bound.xid, bound.seq) and c.at >= clock_timestamp() - log.keep
  order by c.xid, c.seq limit 1;
  if found then
    kept := found_one;
  end if;
  select c.xid, c.seq into found_one from chat_bridge.changes as c
  where c.xid < settled order by c.xid desc, c.seq desc offset log.max_entries - 1 limit 1;
  if found and (found_one.xid, found_one.seq) > (kept.xid, kept.seq) then
    if (found_one.xid, found_one.seq) < (bound.xid, bound.seq) then
      kept := found_one;
    else
      kept := bound;
    end if;
  end if;
  with deleted as (
    delete from chat_bridge.changes as c where (c.xid, c.seq) < (kept.xid, kept.seq) returning c.xid, c.seq
  )
  select count(*) over () as number, d.xid, d.seq into gone from deleted as d order by d.xid desc, d.seq desc limit 1;
  if not found then
    return next true;
    return;
  end if;
  update chat_bridge.change_log set pruned_xid = gone.xid, pruned_seq = gone.seq;
  return next gone.number < at_once;
end $$;
comment on function public.chat_bridge_prune() is 'chat-bridge: deletes what its change log no longer has to keep.';

-- A project's default privileges open every function of schema public to everybody.
revoke all on function public.chat_bridge_changes(text, integer), public.chat_bridge_prune(),
  public.chat_bridge_missed(text, uuid[], integer) from public, anon, authenticated;
grant execute on function public.chat_bridge_changes(text, integer), public.chat_bridge_prune(),
  public.chat_bridge_missed(text, uuid[], integer) to service_role;

-- Where pg_cron is at hand the log stays short without a bridge, too.
do $$
begin
  if to_regprocedure('cron.schedule(text, text, text)') is not null then
    perform cron.schedule('chat_bridge_prune', '*/10 * * * *', 'select public.chat_bridge_prune()');
  end if;
end $$;
