-- DB-1: what clients call about groups (contract/data-model, section 4).

-- 42501 unless the creator's users.id is also his auth id: the groups policies compare the auth id directly.
create function public.create_group_with_default_room(
  group_name text,
  creator_id uuid,
  group_description text default null,
  is_public_group boolean default false
) returns table (group_id uuid, room_id uuid, invite_code text) language plpgsql as $$
declare
  new_group_id uuid;
  new_room_id uuid;
  new_invite_code text := upper(substr(md5(random()::text || clock_timestamp()::text), 1, 8));
begin
  insert into groups (name, description, is_public, invite_code, created_by)
  values (group_name, group_description, is_public_group, new_invite_code, creator_id)
  returning id into new_group_id;

  insert into group_members (group_id, user_id, role) values (new_group_id, creator_id, 'owner');

  insert into conversations (type, name, group_id, created_by, position)
  values ('room', 'general', new_group_id, creator_id, 0)
  returning id into new_room_id;

  insert into conversation_participants (conversation_id, user_id, role)
  values (new_room_id, creator_id, 'admin');

  return query select new_group_id, new_room_id, new_invite_code;
end $$;

-- Fails with 42702 for every code it can find: group_id is a column and a result variable at once. What stands behind
-- the failing statement is what its author meant, and is never reached.
create function public.join_group_by_invite(invite_code_param text, user_id_param uuid)
returns table (success boolean, group_id uuid, message text) language plpgsql as $$
declare
  target_group_id uuid;
begin
  select g.id into target_group_id from groups g where g.invite_code = invite_code_param;
  if target_group_id is null then
    return query select false, null::uuid, 'Invalid invite code'::text;
    return;
  end if;

  if exists (
    select 1 from group_members where group_id = target_group_id and user_id = user_id_param and left_at is null
  ) then
    return query select false, target_group_id, 'Already a member of this group'::text;
    return;
  end if;

  insert into group_members (group_id, user_id, role)
  values (target_group_id, user_id_param, 'member')
  on conflict on constraint group_members_group_id_user_id_key do update set left_at = null, joined_at = now();

  insert into conversation_participants (conversation_id, user_id, role)
  select c.id, user_id_param, 'member'
  from conversations c
  where c.group_id = target_group_id and c.type = 'room' and not c.is_private
  on conflict on constraint conversation_participants_conversation_id_user_id_key do update set left_at = null;

  return query select true, target_group_id, 'Successfully joined group'::text;
end $$;

-- Groups are visible as their policies say: a private one only to the creator whose two ids are equal.
create function public.get_user_groups(user_uuid uuid)
returns table (
  group_id uuid,
  group_name text,
  group_description text,
  group_avatar_url text,
  user_role text,
  room_count bigint,
  member_count bigint,
  latest_activity timestamptz
) language plpgsql as $$
begin
  return query
  select
    g.id,
    g.name,
    g.description,
    g.avatar_url,
    own.role,
    (select count(*) from conversations c where c.group_id = g.id),
    (select count(*) from group_members everybody where everybody.group_id = g.id and everybody.left_at is null),
    coalesce(activity.latest, g.created_at)
  from groups g
  join group_members own on own.group_id = g.id and own.user_id = user_uuid and own.left_at is null
  left join lateral (
    select max(m.created_at) as latest
    from messages m
    join conversations c on c.id = m.conversation_id
    where c.group_id = g.id
  ) activity on true
  order by coalesce(activity.latest, g.created_at) desc;
end $$;

-- Works; nobody calls it.
create function public.get_group_rooms(group_uuid uuid, user_uuid uuid)
returns table (
  room_id uuid,
  room_name text,
  room_description text,
  is_private boolean,
  "position" integer,
  unread_count bigint,
  latest_message_content text,
  latest_message_created_at timestamptz
) language plpgsql as $$
begin
  return query
  select
    c.id,
    c.name,
    c.description,
    c.is_private,
    c.position,
    (
      select count(*)
      from messages m
      where m.conversation_id = c.id
        and m.sender_id <> user_uuid
        and not exists (
          select 1 from message_status s
          where s.message_id = m.id and s.user_id = user_uuid and s.status = 'read'
        )
    ),
    latest.encrypted_content,
    latest.created_at
  from conversations c
  left join lateral (
    select m.encrypted_content, m.created_at
    from messages m
    where m.conversation_id = c.id and m.deleted_at is null
    order by m.created_at desc
    limit 1
  ) latest on true
  where c.group_id = group_uuid
    and c.type = 'room'
    and (
      not c.is_private
      or exists (
        select 1 from conversation_participants p
        where p.conversation_id = c.id and p.user_id = user_uuid and p.left_at is null
      )
    )
  order by c.position, c.created_at;
end $$;
