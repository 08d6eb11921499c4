-- DB-1: tables of the phone verification, which no part of the chat touches (contract/data-model, section 2).

create table public.phone_verifications (
  id uuid primary key default uuid_generate_v4(),
  phone_number text not null,
  verification_code text not null,
  attempts integer default 0,
  verified boolean default false,
  expires_at timestamptz not null,
  created_at timestamptz default now()
);

create table public.sms_templates (
  id uuid primary key default uuid_generate_v4(),
  name text not null unique,
  body text not null,
  created_at timestamptz default now(),
  updated_at timestamptz default now()
);

create table public.sms_audit_log (
  id uuid primary key default uuid_generate_v4(),
  phone_number text not null,
  event text not null,
  details jsonb default '{}',
  created_at timestamptz default now()
);

create table public.sms_rate_limits (
  id uuid primary key default uuid_generate_v4(),
  phone_number text not null unique,
  attempts integer default 0,
  window_start timestamptz default now()
);

alter table public.phone_verifications enable row level security;
alter table public.sms_templates enable row level security;
alter table public.sms_audit_log enable row level security;
alter table public.sms_rate_limits enable row level security;
