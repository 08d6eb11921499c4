-- DB-2, step 9: whoever makes a conversation is in it (contract/data-model, section 7). Functions and servers that
-- still add the creator themselves, by a plain INSERT, fail from here on with 23505 (F3).

create function public.add_creator_as_participant() returns trigger
language plpgsql security definer set search_path = public as $$
begin
  insert into conversation_participants (conversation_id, user_id, role)
  values (new.id, new.created_by, 'admin')
  on conflict (conversation_id, user_id) do nothing;
  return new;
end $$;

create trigger add_creator_as_participant after insert on public.conversations
  for each row when (new.created_by is not null) execute function public.add_creator_as_participant();
