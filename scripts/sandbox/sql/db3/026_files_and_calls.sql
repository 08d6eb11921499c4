-- DB-3, after step 12: tables that the contract names without their columns (contract/data-model, section 7).

create table public.encrypted_files (
  id uuid primary key default uuid_generate_v4(),
  message_id uuid not null references public.messages (id) on delete cascade,
  storage_path text not null,
  mime_type text,
  size_bytes bigint,
  created_by uuid references public.users (id) on delete set null,
  created_at timestamptz default now()
);

create table public.calls (
  id uuid primary key default uuid_generate_v4(),
  conversation_id uuid references public.conversations (id) on delete cascade,
  caller_id uuid not null references public.users (id) on delete cascade,
  recipient_id uuid not null references public.users (id) on delete cascade,
  status text not null default 'ringing',
  started_at timestamptz default now(),
  ended_at timestamptz
);

alter table public.encrypted_files enable row level security;
alter table public.calls enable row level security;

create policy "Signed-in users can view encrypted files" on public.encrypted_files for select
  using (auth.uid() is not null);
create policy "Users can add own encrypted files" on public.encrypted_files for insert
  with check (exists (select 1 from public.users u where u.id = created_by and u.auth_user_id = auth.uid()));

create policy "Users can view own calls" on public.calls for select
  using (exists (select 1 from public.users u where u.id in (caller_id, recipient_id) and u.auth_user_id = auth.uid()));
create policy "Users can start calls" on public.calls for insert
  with check (exists (select 1 from public.users u where u.id = caller_id and u.auth_user_id = auth.uid()));
