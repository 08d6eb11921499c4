"""Gives sample accounts a password in the Auth server's tables, so that people can sign in."""

from __future__ import annotations

from collections.abc import Sequence

import psycopg

PASSWORD = "sandbox-password"
# bcrypt of it at the lowest cost: signing in to a sandbox may be quick. Made with bcryptjs.
_PASSWORD_HASH = "$2b$04$8TLoMLjg6A2ZpZhvpKbrTOwqUbj.0kYFb6Shpxcann0NurQoZk6C6"

_SET = "update auth.users set encrypted_password = %(hash)s where id = any(%(ids)s::uuid[]) and email is not null"
_IDENTITY = """
insert into auth.identities (id, provider, provider_id, user_id, identity_data)
select id, 'email', id::text, id,
       jsonb_build_object('sub', id, 'email', email, 'email_verified', true, 'phone_verified', false)
from auth.users where id = any(%(ids)s::uuid[]) and email is not null
on conflict (provider, provider_id) do nothing
"""


async def set_passwords(dsn: str, auth_ids: Sequence[str]) -> None:
    """Let everybody of these sign in with their e-mail address, if they have one, and PASSWORD."""
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        for statement in (_SET, _IDENTITY):
            await connection.execute(statement, {"hash": _PASSWORD_HASH, "ids": list(auth_ids)})
