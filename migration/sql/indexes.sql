-- The index that keeps the bridge's lists and pages quick however long a conversation's history is.
-- The chat's own tables have one on conversation_id and one on created_at; neither finds "the newest of this
-- conversation" without reading all of it, or all of everybody's newest.
-- Run outside a transaction; it locks nothing that writers need. To undo: drop index public.messages_newest_first;
create index concurrently if not exists messages_newest_first
  on public.messages (conversation_id, created_at desc, id desc);
