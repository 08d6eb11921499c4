-- Takes away what the other files here made, the counts with it. The schema stays if something else is in it.

drop function if exists public.chat_bridge_usage_add(text);
drop function if exists public.chat_bridge_usage_requests(date, integer);
drop function if exists public.chat_bridge_usage_writes(date, integer);
drop function if exists public.chat_bridge_usage_forget(date);
drop table if exists chat_bridge.usage_requests;
drop table if exists chat_bridge.usage_writes;
drop table if exists chat_bridge.usage_counted;
drop table if exists chat_bridge.usage_batches;

do $$
begin
  drop schema if exists chat_bridge;
exception when dependent_objects_still_exist then
  raise notice 'something else is in the schema chat_bridge; it stays';
end $$;

notify pgrst, 'reload schema';
