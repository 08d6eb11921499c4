-- DB-3, after step 12: every message begins with a status row for every active member (contract/data-model, section 7).
-- So an unread message can have a row, which is not 'read'. DEFINER, for the table has no policy (section 3).
-- The contract does not say which status: 'sent' is the sender's here, 'delivered' everybody else's.

create function public.create_message_status() returns trigger
language plpgsql security definer set search_path = public as $$
begin
  insert into message_status (message_id, user_id, status)
  select new.id, p.user_id, case when p.user_id = new.sender_id then 'sent' else 'delivered' end
  from conversation_participants p
  where p.conversation_id = new.conversation_id and p.left_at is null
  on conflict (message_id, user_id) do nothing;
  return new;
end $$;

create trigger create_message_status after insert on public.messages
  for each row execute function public.create_message_status();
