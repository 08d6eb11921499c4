-- DB-2, step 4: the content becomes bytea, by a plain cast (contract/data-model, section 7; F40).
-- Fails on a backslash that is no bytea escape, and takes the text \x4142 for the two bytes of AB.

alter table public.messages alter column encrypted_content type bytea using encrypted_content::bytea;
