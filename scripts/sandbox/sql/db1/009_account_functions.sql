-- DB-1: linking accounts (contract/data-model, section 4).

-- Links the users row of a phone number to an account, or creates one. The app never calls it.
create function public.sync_user_with_auth(
  p_phone_number text,
  p_auth_user_id uuid,
  p_username text,
  p_display_name text
) returns uuid language plpgsql security definer as $$
declare
  synced_id uuid;
begin
  update public.users u set auth_user_id = p_auth_user_id
  where u.phone_number = p_phone_number
  returning u.id into synced_id;

  if synced_id is null then
    insert into public.users (phone_number, username, display_name, auth_user_id)
    values (p_phone_number, p_username, p_display_name, p_auth_user_id)
    returning id into synced_id;
  end if;

  insert into auth.audit_log_entries (id, payload, created_at, ip_address)
  values (
    gen_random_uuid(),
    json_build_object('action', 'sync_user_with_auth', 'user_id', synced_id, 'auth_user_id', p_auth_user_id),
    now(),
    ''
  );
  return synced_id;
end $$;
