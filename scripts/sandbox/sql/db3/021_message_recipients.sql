-- DB-3, step 12: one sealed copy per recipient, the sender included (contract/data-model, section 7). From here on
-- messages.encrypted_content holds the bytes of {"type":"Buffer","data":[]}, which mean nothing (F45). Messages from
-- before have no row here, and an inner join hides them (F46).

create table public.message_recipients (
  id uuid primary key default uuid_generate_v4(),
  message_id uuid not null references public.messages (id) on delete cascade,
  recipient_user_id uuid not null references public.users (id) on delete cascade,
  encrypted_content bytea not null,
  expires_at timestamptz,
  start_on text check (start_on in ('delivered', 'read')),
  read_at timestamptz,
  constraint message_recipients_message_id_recipient_user_id_key unique (message_id, recipient_user_id)
);

create index idx_message_recipients_recipient_user_id on public.message_recipients (recipient_user_id);

alter table public.message_recipients enable row level security;

-- Nobody else reads a copy, not even the message's sender. No UPDATE policy: read_at changes 0 rows, without an error.
create policy "Recipients can view own copies" on public.message_recipients for select
  using (exists (select 1 from public.users u where u.id = recipient_user_id and u.auth_user_id = auth.uid()));
create policy "Senders can add copies" on public.message_recipients for insert
  with check (exists (
    select 1 from public.messages m join public.users u on u.id = m.sender_id
    where m.id = message_id and u.auth_user_id = auth.uid()
  ));
