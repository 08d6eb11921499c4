-- What somebody switches on in the dashboard: the chat tables emit changes (contract/data-model, section 5).
-- No migration does this; without it Realtime is silent.

alter publication supabase_realtime add table
  public.messages,
  public.typing_indicators,
  public.conversation_participants,
  public.conversations,
  public.message_status,
  public.user_presence;
