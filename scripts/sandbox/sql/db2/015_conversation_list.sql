-- DB-2, steps 5 to 9: the list function after its repairs (contract/data-model, section 7). It takes a users.id and
-- sees past row-level security; left members count. Where the casts failed it fails, too (42804: text is not bytea).
-- get_user_conversations_enhanced and get_group_rooms were left behind: they promise text, so they fail from step 4 on.

drop function public.get_user_conversations(uuid);

create function public.get_user_conversations(user_uuid uuid)
returns table (
  id uuid,
  name text,
  type text,
  avatar_url text,
  group_id uuid,
  group_name text,
  participant_count bigint,
  latest_message_id uuid,
  latest_message_content bytea,
  latest_message_sender_id uuid,
  latest_message_sender_username text,
  latest_message_created_at timestamptz,
  last_message_at timestamptz,
  unread_count bigint
) language plpgsql security definer set search_path = public as $$
begin
  return query
  select
    c.id,
    case when c.type = 'direct' then other.display_name else c.name end,
    c.type,
    case when c.type = 'direct' then other.avatar_url else c.avatar_url end,
    c.group_id,
    g.name,
    (select count(*) from conversation_participants everybody where everybody.conversation_id = c.id),
    latest.id,
    latest.encrypted_content,
    latest.sender_id,
    sender.username,
    latest.created_at,
    coalesce(latest.created_at, c.created_at),
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
    join users u on u.id = p.user_id
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
  left join users sender on sender.id = latest.sender_id
  order by coalesce(latest.created_at, c.created_at) desc;
end $$;
