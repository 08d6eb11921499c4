-- DB-3, step 13: the list function asks for a column that is not there (42703), and nobody repairs it to the end
-- (contract/README, section 2). Which column, and what it would return, the contract does not say.

drop function public.get_user_conversations(uuid);

create function public.get_user_conversations(user_uuid uuid) returns setof public.conversations
language plpgsql security definer set search_path = public as $$
begin
  return query
  select c.*
  from conversations c
  join conversation_participants own
    on own.conversation_id = c.id and own.user_id = user_uuid and own.left_at is null
  order by c.last_message_at desc;
end $$;
