-- What every Supabase project has before its first migration (contract/data-model, section 1).
-- Run by a superuser, once per database. Roles belong to the whole server: those that exist stay as they are.

-- Roles ---------------------------------------------------------------------------------------------------------------

do $roles$
declare
  wanted record;
  setting text;
begin
  for wanted in
    select * from (values
      ('postgres', 'login createdb createrole replication bypassrls', array[]::text[]),
      ('anon', 'nologin noinherit', array['statement_timeout = ''3s''']),
      ('authenticated', 'nologin noinherit', array['statement_timeout = ''8s''']),
      ('service_role', 'nologin noinherit bypassrls', array[]::text[]),
      ('authenticator', 'login noinherit', array['statement_timeout = ''8s''', 'lock_timeout = ''8s''']),
      ('supabase_auth_admin', 'nologin noinherit createrole', array['search_path = ''auth''']),
      ('supabase_storage_admin', 'nologin noinherit createrole', array['search_path = ''storage''']),
      ('supabase_realtime_admin', 'nologin noinherit', array[]::text[])
    ) as roles (name, attributes, settings)
  loop
    continue when exists (select from pg_roles where rolname = wanted.name);
    begin
      execute format('create role %I %s', wanted.name, wanted.attributes);
      foreach setting in array wanted.settings loop
        execute format('alter role %I set %s', wanted.name, setting);
      end loop;
    exception when duplicate_object or unique_violation then
      raise notice 'role % was created by another session in this moment', wanted.name;
    end;
  end loop;
end $roles$;

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role to postgres;

-- On Supabase supautils lets postgres do it, for restoring dumps; PostgreSQL has a grant for that since 15.
grant set on parameter session_replication_role to postgres;

-- The database: owned by postgres, who is no superuser in Supabase ----------------------------------------------------

do $database$
begin
  execute format('alter database %I owner to postgres', current_database());
  execute format('alter database %I set search_path = "$user", public, extensions', current_database());
  execute format('alter database %I set timezone = ''UTC''', current_database());
end $database$;
set search_path = "$user", public, extensions;

-- Schema public: everything created there is open to the API roles; only row-level security stands in between ---------

grant usage on schema public to anon, authenticated, service_role;
grant all on schema public to postgres;
alter default privileges in schema public grant all on tables to postgres, anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to postgres, anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to postgres, anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges for role postgres in schema public grant all on sequences to anon, authenticated, service_role;

-- Schema extensions ---------------------------------------------------------------------------------------------------

create schema extensions;
grant usage on schema extensions to anon, authenticated, service_role;
grant all on schema extensions to postgres;

-- The wheels ship neither uuid-ossp nor pgcrypto (supabase.md 8.1); of both, the schema uses one function.
do $extensions$
begin
  if exists (select from pg_available_extensions where name = 'uuid-ossp') then
    create extension "uuid-ossp" with schema extensions;
  else
    create function extensions.uuid_generate_v4() returns uuid
      language sql volatile parallel safe as 'select gen_random_uuid()';
  end if;
  if exists (select from pg_available_extensions where name = 'pgcrypto') then
    create extension pgcrypto with schema extensions;
  end if;
end $extensions$;

-- Schema auth ---------------------------------------------------------------------------------------------------------

create schema auth;
grant usage on schema auth to anon, authenticated, service_role;
grant all on schema auth to postgres, supabase_auth_admin;

-- Both spellings of the claims are read: whoever sets either is understood (supabase.md 8.1, 8.2 g).
create function auth.uid() returns uuid language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.sub', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
  )::uuid
$$;

create function auth.role() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.role', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
  )
$$;

create function auth.email() returns text language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim.email', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'email'
  )
$$;

create function auth.jwt() returns jsonb language sql stable as $$
  select coalesce(
    nullif(current_setting('request.jwt.claim', true), ''),
    nullif(current_setting('request.jwt.claims', true), '')
  )::jsonb
$$;

-- Columns of the Auth server; what @supabase/lite adds to them comes with its own "if not exists".
create table auth.users (
  instance_id uuid,
  id uuid primary key,
  aud varchar(255) default 'authenticated',
  role varchar(255) default 'authenticated',
  email varchar(255),
  encrypted_password varchar(255),
  email_confirmed_at timestamptz,
  invited_at timestamptz,
  confirmation_token varchar(255),
  confirmation_sent_at timestamptz,
  recovery_token varchar(255),
  recovery_sent_at timestamptz,
  email_change_token_new varchar(255),
  email_change varchar(255),
  email_change_sent_at timestamptz,
  last_sign_in_at timestamptz,
  raw_app_meta_data jsonb default '{}',
  raw_user_meta_data jsonb default '{}',
  is_super_admin boolean,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  phone text unique,
  phone_confirmed_at timestamptz,
  phone_change text,
  phone_change_token varchar(255),
  phone_change_sent_at timestamptz,
  confirmed_at timestamptz generated always as (least(email_confirmed_at, phone_confirmed_at)) stored,
  email_change_token_current varchar(255),
  email_change_confirm_status smallint default 0 check (email_change_confirm_status between 0 and 2),
  banned_until timestamptz,
  reauthentication_token varchar(255),
  reauthentication_sent_at timestamptz,
  is_sso_user boolean not null default false,
  deleted_at timestamptz,
  is_anonymous boolean not null default false
);
create unique index users_email_partial_key on auth.users (email) where is_sso_user = false;

create table auth.audit_log_entries (
  instance_id uuid,
  id uuid primary key,
  payload json,
  created_at timestamptz default now(),
  ip_address varchar(64) not null default ''
);

alter table auth.users enable row level security;
alter table auth.audit_log_entries enable row level security;
alter table auth.users owner to supabase_auth_admin;
alter table auth.audit_log_entries owner to supabase_auth_admin;
grant all on auth.users, auth.audit_log_entries to postgres;

-- Schema storage ------------------------------------------------------------------------------------------------------

create schema storage;
grant usage on schema storage to anon, authenticated, service_role;
grant all on schema storage to postgres, supabase_storage_admin;

create table storage.buckets (
  id text primary key,
  name text not null unique,
  owner uuid,
  owner_id text,
  public boolean default false,
  file_size_limit bigint,
  allowed_mime_types text[],
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table storage.objects (
  id uuid primary key default gen_random_uuid(),
  bucket_id text references storage.buckets (id),
  name text,
  owner uuid,
  owner_id text,
  metadata jsonb,
  user_metadata jsonb,
  version text,
  path_tokens text[] generated always as (string_to_array(name, '/')) stored,
  created_at timestamptz default now(),
  updated_at timestamptz default now(),
  last_accessed_at timestamptz default now(),
  unique (bucket_id, name)
);

create function storage.foldername(name text) returns text[] language plpgsql immutable as $$
declare
  parts text[] := string_to_array(name, '/');
begin
  return parts[1 : array_length(parts, 1) - 1];
end $$;

alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;
alter table storage.buckets owner to supabase_storage_admin;
alter table storage.objects owner to supabase_storage_admin;
grant all on storage.buckets, storage.objects to postgres, anon, authenticated, service_role;

-- Schema realtime and the publication: a stock project publishes no table (data-model, section 5) ---------------------

create schema realtime;
grant usage on schema realtime to anon, authenticated, service_role;
grant all on schema realtime to postgres, supabase_realtime_admin;

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;
