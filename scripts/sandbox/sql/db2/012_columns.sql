-- DB-2, step 4: what a message holds, and when it disappears for whom (contract/data-model, section 7).

alter table public.messages
  add column content_type text default 'text',
  add column has_attachments boolean;

-- disappear_seconds 0: never. start_on says which moment of the recipient's starts the time.
alter table public.conversation_participants
  add column disappear_seconds integer default 0,
  add column start_on text check (start_on in ('delivered', 'read'));
