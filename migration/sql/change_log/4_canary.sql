-- A row for each bridge that runs, written again and again: if its change does not come back through Realtime, no change
-- does, whatever Realtime says of itself.

create table if not exists chat_bridge.canary (
  bridge uuid primary key,
  beat bigint not null,
  at timestamptz not null default clock_timestamp()
);
comment on table chat_bridge.canary is 'chat-bridge: how long a change takes from the table through Realtime to a bridge.';
alter table chat_bridge.canary enable row level security;
revoke all on chat_bridge.canary from public, anon, authenticated;
grant select on chat_bridge.canary to service_role;  -- Realtime asks whether its subscriber may

-- Rows of bridges that are gone go after an hour.
create or replace function public.chat_bridge_canary(bridge uuid, beat bigint) returns setof boolean
language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from chat_bridge.canary as c where c.at < clock_timestamp() - interval '1 hour' and c.bridge <> $1;
  insert into chat_bridge.canary as c (bridge, beat) values ($1, $2)
  on conflict (bridge) do update set beat = excluded.beat, at = excluded.at
  returning true;
$$;
comment on function public.chat_bridge_canary(uuid, bigint) is 'chat-bridge: writes the row of one bridge.';
revoke all on function public.chat_bridge_canary(uuid, bigint) from public, anon, authenticated;
grant execute on function public.chat_bridge_canary(uuid, bigint) to service_role;

-- Once, for Realtime renews all subscriptions of the project after a change of its publication.
do $$
begin
  if exists (select from pg_publication where pubname = 'supabase_realtime' and not puballtables) and not exists (
    select from pg_publication_tables
    where pubname = 'supabase_realtime' and schemaname = 'chat_bridge' and tablename = 'canary'
  ) then
    alter publication supabase_realtime add table chat_bridge.canary;
  end if;
end $$;

notify pgrst, 'reload schema';
