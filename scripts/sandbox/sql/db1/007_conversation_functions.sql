-- DB-1: what clients call about conversations, by argument name (contract/data-model, section 4).

-- `user_uuid` is compared with participants.user_id, a users.id; REST passes the auth id and finds nothing.
-- The other person and the sender are looked up by auth_user_id = a users.id: null unless their two ids are equal.
create function public.get_user_conversations_enhanced(user_uuid uuid)
returns table (
  conversation_id uuid,
  conversation_type text,
  conversation_name text,
  conversation_avatar_url text,
  group_id uuid,
  group_name text,
  participant_count bigint,
  latest_message_id uuid,
  latest_message_content text,
  latest_message_sender_id uuid,
  latest_message_sender_username text,
  latest_message_created_at timestamptz,
  unread_count bigint
) language plpgsql as $$
begin
  return query
  select
    c.id,
    c.type,
    case when c.type = 'direct' then other.display_name else c.name end,
    case when c.type = 'direct' then other.avatar_url else c.avatar_url end,
    c.group_id,
    g.name,
    (select count(*) from conversation_participants everybody where everybody.conversation_id = c.id),
    latest.id,
    latest.encrypted_content,
    latest.sender_id,
    sender.username,
    latest.created_at,
    (
      select count(*)
      from messages m
      where m.conversation_id = c.id
        and m.sender_id <> user_uuid
        and not exists (
          select 1 from message_status s
          where s.message_id = m.id and s.user_id = user_uuid and s.status = 'read'
        )
    )
  from conversations c
  join conversation_participants own
    on own.conversation_id = c.id and own.user_id = user_uuid and own.left_at is null
  left join groups g on g.id = c.group_id
  left join lateral (
    select u.display_name, u.avatar_url
    from conversation_participants p
    join users u on u.auth_user_id = p.user_id
    where p.conversation_id = c.id and p.user_id <> user_uuid
    limit 1
  ) other on true
  left join lateral (
    select m.id, m.encrypted_content, m.sender_id, m.created_at
    from messages m
    where m.conversation_id = c.id and m.deleted_at is null
    order by m.created_at desc
    limit 1
  ) latest on true
  left join lateral (
    select u.username from users u where u.auth_user_id = latest.sender_id limit 1
  ) sender on true
  order by coalesce(latest.created_at, c.created_at) desc;
end $$;

-- Always fails with 42702: conversation_id in the sub-queries is a column and a result variable at once.
create function public.get_user_conversations(user_uuid uuid)
returns table (
  conversation_id uuid,
  conversation_type text,
  conversation_name text,
  conversation_avatar_url text,
  participant_count bigint,
  latest_message_id uuid,
  latest_message_content text,
  latest_message_sender_id uuid,
  latest_message_sender_username text,
  latest_message_created_at timestamptz,
  unread_count bigint
) language plpgsql as $$
begin
  return query
  select
    c.id,
    c.type,
    c.name,
    c.avatar_url,
    (select count(*) from conversation_participants where conversation_id = c.id),
    latest.id,
    latest.encrypted_content,
    latest.sender_id,
    sender.username,
    latest.created_at,
    (
      select count(*)
      from messages m
      where m.conversation_id = c.id
        and m.sender_id <> user_uuid
        and not exists (
          select 1 from message_status s
          where s.message_id = m.id and s.user_id = user_uuid and s.status = 'read'
        )
    )
  from conversations c
  join conversation_participants own
    on own.conversation_id = c.id and own.user_id = user_uuid and own.left_at is null
  left join lateral (
    select m.id, m.encrypted_content, m.sender_id, m.created_at
    from messages m
    where m.conversation_id = c.id and m.deleted_at is null
    order by m.created_at desc
    limit 1
  ) latest on true
  left join users sender on sender.id = latest.sender_id
  order by coalesce(latest.created_at, c.created_at) desc;
end $$;

-- Returns the pair's conversation or makes it. With twice the same user: any direct one of that user, if there is one.
create function public.create_direct_conversation(user1_id uuid, user2_id uuid) returns uuid
language plpgsql as $$
declare
  found_id uuid;
begin
  select c.id into found_id
  from conversations c
  join conversation_participants p1 on p1.conversation_id = c.id and p1.user_id = user1_id and p1.left_at is null
  join conversation_participants p2 on p2.conversation_id = c.id and p2.user_id = user2_id and p2.left_at is null
  where c.type = 'direct'
  limit 1;
  if found_id is not null then
    return found_id;
  end if;

  insert into conversations (type, created_by) values ('direct', user1_id) returning id into found_id;
  insert into conversation_participants (conversation_id, user_id, role)
  values (found_id, user1_id, 'member'), (found_id, user2_id, 'member');
  return found_id;
end $$;
