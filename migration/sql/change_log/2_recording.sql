-- What writes the log: one trigger for each statement, not for each row, so that a statement costs one subtransaction
-- however many rows it touches (docs/change-log.md, "What it costs").

create or replace function chat_bridge.record_change() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_op = 'TRUNCATE' then
    insert into chat_bridge.changes (table_name, operation) values (tg_table_name, tg_op);
  elsif tg_table_name = 'messages' then
    insert into chat_bridge.changes (table_name, operation, row_id, conversation_id)
    select tg_table_name, tg_op, id, conversation_id from changed;
  elsif tg_table_name = 'conversation_participants' then
    insert into chat_bridge.changes (table_name, operation, row_id, conversation_id, user_id)
    select tg_table_name, tg_op, id, conversation_id, user_id from changed;
    if tg_op = 'UPDATE' then
      -- A row made over to another person or conversation is gone from where it was.
      insert into chat_bridge.changes (table_name, operation, row_id, conversation_id, user_id)
      select tg_table_name, 'DELETE', id, conversation_id, user_id from previous
      except select tg_table_name, 'DELETE', id, conversation_id, user_id from changed;
    end if;
  elsif tg_table_name = 'conversations' then
    insert into chat_bridge.changes (table_name, operation, row_id, conversation_id)
    select tg_table_name, tg_op, id, id from changed;
  elsif tg_table_name = 'message_status' then
    insert into chat_bridge.changes (table_name, operation, row_id, user_id)
    select tg_table_name, tg_op, message_id, user_id from changed where status = 'read';
  end if;
  return null;
exception when others then
  -- The app's write counts, the log does not: readers learn from the sequence that something is missing.
  begin
    perform nextval('chat_bridge.changes_missed');
  exception when others then
    null;
  end;
  return null;
end $$;
revoke all on function chat_bridge.record_change() from public, anon, authenticated;

-- Makes the triggers of one table; false: there is no such table, or not with the columns that are needed.
-- A table whose triggers are as they should be is not locked.
create or replace function chat_bridge.watch(wanted text, needed text[]) returns boolean
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
  target constant regclass := to_regclass(format('public.%I', wanted));
  operation text;
  tables text;
begin
  if target is null or exists (
    select from unnest(needed) as name
    where not exists (
      select from pg_attribute where attrelid = target and attname = name and attnum > 0 and not attisdropped
    )
  ) then
    return false;
  end if;
  foreach operation in array array['insert', 'update', 'delete', 'truncate'] loop
    continue when wanted = 'message_status' and operation = 'delete';  -- a receipt that is taken back is told to nobody
    continue when exists (
      select from pg_trigger
      where tgrelid = target and tgname = 'chat_bridge_' || operation and tgenabled = 'A'
        and tgfoid = 'chat_bridge.record_change()'::regprocedure
    );
    tables := case
      when operation = 'insert' then 'referencing new table as changed'
      when operation = 'delete' then 'referencing old table as changed'
      when operation = 'update' and wanted = 'conversation_participants'
        then 'referencing old table as previous new table as changed'
      when operation = 'update' then 'referencing new table as changed'
      else ''
    end;
    execute format(
      'create or replace trigger %I after %s on %s %s for each statement execute function chat_bridge.record_change()',
      'chat_bridge_' || operation, operation, target, tables
    );
    -- Also where session_replication_role switches other triggers off: a change is a change, whoever makes it.
    execute format('alter table %s enable always trigger %I', target, 'chat_bridge_' || operation);
  end loop;
  return true;
end $$;
revoke all on function chat_bridge.watch(text, text[]) from public, anon, authenticated;
