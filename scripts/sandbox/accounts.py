"""Gives sample people an account in the Auth server's tables, so that they can sign in with a password."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import psycopg

PASSWORD = "sandbox-password"
# bcrypt of it at the lowest cost: signing in to a sandbox may be quick. Made with bcryptjs.
_PASSWORD_HASH = "$2b$04$8TLoMLjg6A2ZpZhvpKbrTOwqUbj.0kYFb6Shpxcann0NurQoZk6C6"

_USER = """
insert into auth.users (id, aud, role, email, encrypted_password, email_confirmed_at, raw_app_meta_data,
                        raw_user_meta_data)
values (%(id)s, 'authenticated', 'authenticated', %(email)s, %(hash)s, now(),
        '{"provider": "email", "providers": ["email"]}',
        jsonb_build_object('sub', %(id)s::text, 'email', %(email)s::text, 'email_verified', true))
on conflict (id) do update set aud = excluded.aud, role = excluded.role, email = excluded.email,
    encrypted_password = excluded.encrypted_password, email_confirmed_at = excluded.email_confirmed_at,
    raw_app_meta_data = excluded.raw_app_meta_data, raw_user_meta_data = excluded.raw_user_meta_data
"""
_IDENTITY = """
insert into auth.identities (id, provider, provider_id, user_id, identity_data)
values (%(id)s, 'email', %(id)s::text, %(id)s,
        jsonb_build_object('sub', %(id)s::text, 'email', %(email)s::text, 'email_verified', true))
on conflict (provider, provider_id) do nothing
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Who may sign in."""

    auth_id: UUID
    email: str


async def create_accounts(dsn: str, accounts: Sequence[Account]) -> None:
    """Create or complete these accounts; all have the same password."""
    rows = [{"id": account.auth_id, "email": account.email, "hash": _PASSWORD_HASH} for account in accounts]
    async with await psycopg.AsyncConnection.connect(dsn) as connection, connection.cursor() as cursor:
        await cursor.executemany(_USER, rows)
        await cursor.executemany(_IDENTITY, rows)
