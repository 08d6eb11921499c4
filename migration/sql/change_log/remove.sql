-- Takes away what the other files here made, once the triggers are gone. The schema stays if somebody else uses it.

do $$
begin
  if to_regprocedure('cron.unschedule(text)') is not null then
    perform cron.unschedule('chat_bridge_prune');
  end if;
exception when others then
  raise notice 'pg_cron had nothing scheduled for the change log';
end $$;

drop function if exists public.chat_bridge_changes(text, integer);
drop function if exists public.chat_bridge_prune();
drop function if exists public.chat_bridge_missed(text, uuid[], integer);
drop function if exists public.chat_bridge_canary(uuid, bigint);
drop function if exists chat_bridge.watch(text, text[]);
drop function if exists chat_bridge.record_change();
drop table if exists chat_bridge.changes;
drop table if exists chat_bridge.change_log;
drop table if exists chat_bridge.canary;
drop sequence if exists chat_bridge.changes_missed;

do $$
begin
  drop schema if exists chat_bridge;
exception when dependent_objects_still_exist then
  raise notice 'something else is in the schema chat_bridge; it stays';
end $$;

notify pgrst, 'reload schema';
