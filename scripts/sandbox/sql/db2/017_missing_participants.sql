-- DB-2, step 9: a guess (contract/README, section 2). Whoever has written into a conversation and has no row is put in.

insert into public.conversation_participants (conversation_id, user_id, role)
select distinct m.conversation_id, m.sender_id, 'member'
from public.messages m
on conflict (conversation_id, user_id) do nothing;
