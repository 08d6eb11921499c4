-- DB-1: people (contract/data-model, section 2).

create function public.update_updated_at_column() returns trigger language plpgsql as $$
begin
  new.updated_at = now();
  return new;
end $$;

create table public.users (
  id uuid primary key default uuid_generate_v4(),
  phone_number text not null unique,
  username text not null unique,
  display_name text not null,
  avatar_url text,
  bio text,
  website text,
  status text default 'offline' check (status in ('online', 'away', 'busy', 'offline')),
  last_seen timestamptz default now(),
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  -- The link to auth.users: null allowed, not unique, no foreign key. Two rows may claim one account.
  auth_user_id uuid,
  default_message_retention_days integer not null default 30
);

-- The second unique constraint on the same column, from a later migration (in one statement they would be merged).
alter table public.users add constraint users_phone_number_unique unique (phone_number);

create unique index users_username_lower_idx on public.users (lower(username));
create index idx_users_auth_user_id on public.users (auth_user_id);

create trigger update_users_updated_at before update on public.users
  for each row execute function public.update_updated_at_column();
