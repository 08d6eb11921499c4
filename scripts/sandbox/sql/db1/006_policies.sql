-- DB-1: row-level security as it is in force (contract/data-model, section 3). All policies are permissive and for
-- PUBLIC: anon is meant too wherever auth.uid() is not tested. Enabled, not forced: the owner and service_role pass.

alter table public.users enable row level security;
alter table public.conversations enable row level security;
alter table public.conversation_participants enable row level security;
alter table public.messages enable row level security;
alter table public.message_status enable row level security;
alter table public.typing_indicators enable row level security;
alter table public.user_presence enable row level security;
alter table public.groups enable row level security;
alter table public.group_members enable row level security;

-- users: three migrations, three times the same; nobody may insert or delete.
create policy "Users can view all profiles" on public.users for select using (true);
create policy "Users are viewable by everyone" on public.users for select using (true);
create policy "Allow user lookup" on public.users for select using (true);
create policy "Users can update own profile" on public.users for update
  using (auth.uid() = auth_user_id or auth.uid() = id);

-- conversations: no DELETE policy, a delete reports success with 0 rows.
create policy "Conversations are viewable by everyone" on public.conversations for select using (true);
create policy "Users can create conversations" on public.conversations for insert
  with check (
    auth.uid() is not null
    and (
      created_by is null
      or exists (select 1 from public.users u where u.id = created_by and u.auth_user_id = auth.uid())
      or created_by = auth.uid()
    )
  );
create policy "Users can update own conversations" on public.conversations for update
  using (
    auth.uid() is not null
    and (
      created_by is null
      or exists (select 1 from public.users u where u.id = created_by and u.auth_user_id = auth.uid())
      or created_by = auth.uid()
    )
  );

-- conversation_participants: any signed-in user may add anybody to any conversation; nobody can update or delete.
create policy "Participants are viewable by everyone" on public.conversation_participants for select using (true);
create policy "Signed-in users can add participants" on public.conversation_participants for insert
  with check (auth.uid() is not null);

-- messages: the anon key reads everything; who sends is tested, whether he belongs there is not.
create policy "Messages are viewable by everyone" on public.messages for select using (true);
create policy "Users can send messages" on public.messages for insert
  with check (exists (select 1 from public.users u where u.id = sender_id and u.auth_user_id = auth.uid()));

-- message_status, typing_indicators, user_presence: no policy at all. Nothing visible, every insert refused (42501).

-- groups and group_members: the auth id is compared directly, so only users whose two ids are equal get anywhere.
create policy "Users can view groups" on public.groups for select
  using (auth.uid() is not null and (is_public or created_by = auth.uid()));
create policy "Users can create groups" on public.groups for insert with check (created_by = auth.uid());
create policy "Creators can update groups" on public.groups for update using (created_by = auth.uid());

create policy "Signed-in users can view group members" on public.group_members for select
  using (auth.uid() is not null);
create policy "Users can join groups" on public.group_members for insert with check (user_id = auth.uid());
create policy "Users can update own membership" on public.group_members for update using (user_id = auth.uid());
