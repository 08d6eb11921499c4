-- DB-2, step 4: deliveries and attachments (contract/data-model, section 7). The contract names the keys and what is
-- missing; the other columns and the policies are written in the manner of the tables beside them.

-- Nobody's own message has a row here: whoever joins this table loses what he wrote himself (F46).
create table public.deliveries (
  message_id uuid not null references public.messages (id) on delete cascade,
  recipient_user_id uuid not null,  -- no foreign key
  delivered_at timestamptz,
  read_at timestamptz,
  expires_at timestamptz,
  primary key (message_id, recipient_user_id)
);

create table public.attachments (
  id uuid primary key default uuid_generate_v4(),
  message_id uuid not null references public.messages (id) on delete cascade,
  storage_path text not null,
  mime_type text,
  size_bytes bigint,
  created_at timestamptz default now()
);

create index idx_attachments_message_id on public.attachments (message_id);

alter table public.deliveries enable row level security;
alter table public.attachments enable row level security;

create policy "Recipients can view own deliveries" on public.deliveries for select
  using (exists (select 1 from public.users u where u.id = recipient_user_id and u.auth_user_id = auth.uid()));
create policy "Senders can add deliveries" on public.deliveries for insert
  with check (exists (
    select 1 from public.messages m join public.users u on u.id = m.sender_id
    where m.id = message_id and u.auth_user_id = auth.uid()
  ));

-- As the messages they belong to: the anon key reads them all.
create policy "Attachments are viewable by everyone" on public.attachments for select using (true);
create policy "Senders can add attachments" on public.attachments for insert
  with check (exists (
    select 1 from public.messages m join public.users u on u.id = m.sender_id
    where m.id = message_id and u.auth_user_id = auth.uid()
  ));
