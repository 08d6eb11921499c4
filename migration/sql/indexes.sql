-- The indexes that keep the bridge's lists and pages quick however long a conversation's history is and however many
-- people there are; the app makes none of them. `python -m migration doctor` names those that a database lacks.
-- Run outside a transaction (psql -f does); they lock nothing that writers need.
-- To undo: drop index public.messages_newest_first, and so on.

-- "The newest of this conversation": the app's own indexes on conversation_id and on created_at find it only by reading
-- all of the conversation, or all of everybody's newest.
create index concurrently if not exists messages_newest_first
  on public.messages (conversation_id, created_at desc, id desc);

-- "Somebody's conversations", "somebody's groups", "the rooms of a group": without them each is a look at every row.
create index concurrently if not exists conversation_participants_by_user
  on public.conversation_participants (user_id);
create index concurrently if not exists group_members_by_user
  on public.group_members (user_id);
create index concurrently if not exists conversations_by_group
  on public.conversations (group_id);
