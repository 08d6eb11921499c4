-- DB-2, step 4: a repair that breaks on real people (contract/data-model, section 7; F47). The oldest user's auth id
-- goes where a users.id belongs. The key is deferred: what fails is the commit, with 23503.

update public.conversations
set created_by = (select u.auth_user_id from public.users u order by u.created_at, u.id limit 1)
where created_by is null;
