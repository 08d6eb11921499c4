-- DB-1: messages, their expiry, receipts, typing and presence (contract/data-model, sections 2 and 4).

create table public.messages (
  id uuid primary key default uuid_generate_v4(),
  conversation_id uuid not null
    constraint messages_conversation_id_fkey references public.conversations (id) on delete cascade,
  sender_id uuid not null
    constraint messages_sender_id_fkey references public.users (id) on delete cascade,
  reply_to_id uuid
    constraint messages_reply_to_id_fkey references public.messages (id) on delete set null,
  message_type text default 'text'
    constraint messages_message_type_check check (message_type in ('text', 'image', 'file', 'system')),
  encrypted_content text not null,  -- the name promises more than it keeps: plain text
  content_hash text,
  metadata jsonb default '{}',
  edited_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz default now(),
  expires_at timestamptz
);

create index idx_messages_conversation_id on public.messages (conversation_id);
create index idx_messages_sender_id on public.messages (sender_id);
create index idx_messages_created_at on public.messages (created_at desc);
create index idx_messages_expires_at on public.messages (expires_at) where expires_at is not null;

-- The conversation's duration if it is switched on and given, else the sender's days, else 30; 0 days = never.
create function public.calculate_message_expiration(conversation_id uuid, sender_id uuid) returns timestamptz
language plpgsql security definer as $$
declare
  days integer;
begin
  select c.disappearing_messages_duration_days into days
  from public.conversations c
  where c.id = calculate_message_expiration.conversation_id and c.disappearing_messages_enabled;
  if days is null then
    select u.default_message_retention_days into days
    from public.users u
    where u.id = calculate_message_expiration.sender_id;
  end if;
  days := coalesce(days, 30);
  if days = 0 then
    return null;
  end if;
  return now() + make_interval(days => days);
end $$;

create function public.set_message_expiration() returns trigger language plpgsql as $$
begin
  new.expires_at := public.calculate_message_expiration(new.conversation_id, new.sender_id);
  return new;
end $$;

-- Overwrites what the client sent.
create trigger set_message_expiration before insert on public.messages
  for each row execute function public.set_message_expiration();

-- Nobody schedules it: expired messages stay.
create function public.cleanup_expired_messages() returns integer
language plpgsql security definer as $$
declare
  deleted_count integer;
begin
  delete from public.messages where expires_at is not null and expires_at <= now();
  get diagnostics deleted_count = row_count;
  return deleted_count;
end $$;

create table public.message_status (
  id uuid primary key default uuid_generate_v4(),
  message_id uuid not null references public.messages (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  status text not null check (status in ('sent', 'delivered', 'read')),
  timestamp timestamptz default now(),
  constraint message_status_message_id_user_id_key unique (message_id, user_id)
);

create table public.typing_indicators (
  id uuid primary key default uuid_generate_v4(),
  conversation_id uuid not null references public.conversations (id) on delete cascade,
  user_id uuid not null references public.users (id) on delete cascade,
  is_typing boolean default false,
  updated_at timestamptz default now(),
  constraint typing_indicators_conversation_id_user_id_key unique (conversation_id, user_id)
);

create trigger update_typing_indicators_updated_at before update on public.typing_indicators
  for each row execute function public.update_updated_at_column();

create table public.user_presence (
  user_id uuid primary key references public.users (id) on delete cascade,
  status text not null default 'offline' check (status in ('online', 'away', 'busy', 'offline')),
  last_seen timestamptz default now(),
  updated_at timestamptz default now()
);

create trigger update_user_presence_updated_at before update on public.user_presence
  for each row execute function public.update_updated_at_column();
