-- What somebody switches on in the dashboard: the chat tables emit changes (contract/data-model, section 5), those of
-- later generations where there are any. No migration does this; without it Realtime is silent.

do $$
declare
  wanted text;
begin
  foreach wanted in array array[
    'messages',
    'typing_indicators',
    'conversation_participants',
    'conversations',
    'message_status',
    'user_presence',
    'deliveries',  -- DB-2
    'attachments',
    'message_recipients'  -- DB-3
  ] loop
    if to_regclass(format('public.%I', wanted)) is not null then
      execute format('alter publication supabase_realtime add table public.%I', wanted);
    end if;
  end loop;
end $$;
