-- DB-1: conversations and their participants (contract/data-model, section 2).

create table public.conversations (
  id uuid primary key default uuid_generate_v4(),
  type text not null default 'direct' check (type in ('direct', 'group', 'room')),
  name text,
  description text,
  avatar_url text,
  -- Deferred: a wrong id is noticed at commit, after every statement has succeeded.
  created_by uuid references public.users (id) on delete set null deferrable initially deferred,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  group_id uuid references public.groups (id) on delete cascade,
  is_private boolean default false,
  position integer default 0,
  disappearing_messages_enabled boolean not null default false,
  disappearing_messages_duration_days integer
);

-- New messages do not touch the row: updated_at says nothing about activity.
create trigger update_conversations_updated_at before update on public.conversations
  for each row execute function public.update_updated_at_column();

-- No trigger: nobody adds the creator.
create table public.conversation_participants (
  id uuid primary key default uuid_generate_v4(),
  conversation_id uuid not null
    constraint conversation_participants_conversation_id_fkey references public.conversations (id) on delete cascade,
  user_id uuid not null
    constraint conversation_participants_user_id_fkey references public.users (id) on delete cascade,
  role text default 'member' check (role in ('admin', 'moderator', 'member')),
  joined_at timestamptz default now(),
  left_at timestamptz,
  constraint conversation_participants_conversation_id_user_id_key unique (conversation_id, user_id)
);
