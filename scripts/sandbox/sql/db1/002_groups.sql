-- DB-1: groups and who is in them (contract/data-model, section 2).

create table public.groups (
  id uuid primary key default uuid_generate_v4(),
  name text not null,
  description text,
  avatar_url text,
  is_public boolean default false,
  invite_code text unique,
  created_by uuid references public.users (id) on delete set null,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create trigger update_groups_updated_at before update on public.groups
  for each row execute function public.update_updated_at_column();

create table public.group_members (
  id uuid primary key default uuid_generate_v4(),
  group_id uuid references public.groups (id) on delete cascade,
  user_id uuid references public.users (id) on delete cascade,
  role text default 'member' check (role in ('owner', 'admin', 'moderator', 'member')),
  joined_at timestamptz default now(),
  left_at timestamptz,
  unique (group_id, user_id)
);
