-- DB-3, after step 12: notes to oneself, names that are handed around, an archive (contract/data-model, section 7).
-- There is still no users.email, although some code of the app reads it.

alter table public.conversations
  drop constraint conversations_type_check,
  add constraint conversations_type_check check (type in ('direct', 'group', 'room', 'note_to_self'));

alter table public.users add column unique_identifier text unique;

alter table public.conversation_participants add column archived_at timestamptz;
