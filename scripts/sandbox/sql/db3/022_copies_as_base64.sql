-- DB-3, step 12c, two weeks later: the copies become text that holds base64 (contract/data-model, section 7).
-- encode() breaks its lines after 76 characters; nothing that reads a copy expects that.

alter table public.message_recipients
  alter column encrypted_content type text using translate(encode(encrypted_content, 'base64'), E'\n', '');
