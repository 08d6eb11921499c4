-- DB-3, step 10: the creator's trigger becomes an upsert that swallows its errors (contract/data-model, section 7):
-- a created_by of nobody is no longer refused at the INSERT but at the commit.

create or replace function public.add_creator_as_participant() returns trigger
language plpgsql security definer set search_path = public as $$
begin
  insert into conversation_participants (conversation_id, user_id, role)
  values (new.id, new.created_by, 'admin')
  on conflict (conversation_id, user_id) do update set role = excluded.role, left_at = null;
  return new;
exception when others then
  raise warning 'the creator of conversation % was not added: %', new.id, sqlerrm;
  return new;
end $$;
