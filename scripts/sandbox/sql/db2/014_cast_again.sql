-- DB-2, step 5: the cast of step 4 once more (contract/data-model, section 7), harmless where that one has worked.

alter table public.messages alter column encrypted_content type bytea using encrypted_content::bytea;
