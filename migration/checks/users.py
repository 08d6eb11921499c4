"""Checks of the users rows: which of them a login leads to (contract data-model section 6, F4)."""

from __future__ import annotations

from typing import Final

from migration.checks.definition import Check
from migration.findings import Severity

CHECKS: Final = (
    Check(
        name="users_without_auth_id",
        meaning="users whom only their phone number connects to a login",
        severity=Severity.NOTICE,
        consequence="They sign in with BRIDGE_PHONE_IDENTITY only, and under RLS they can send no message at all.",
        fix="None is safe: a number that changed hands must not open an account. They link it by signing in again.",
        table="users",
        needs=("users.auth_user_id",),
        sql="select t.id from {rows} t where {page} and t.auth_user_id is null",
        rest="auth_user_id=is.null",
    ),
    Check(
        name="users_sharing_an_auth_id",
        meaning="users whose auth_user_id belongs to an older users row, too",
        severity=Severity.WARNING,
        consequence="Nobody can sign in as them: the oldest row counts, and what the younger one owns stays out of"
        " reach.",
        fix="Decide for each pair which row is the person, then set the other's auth_user_id to null by hand.",
        table="users",
        needs=("users.auth_user_id", "users.created_at"),
        sql="""
            select t.id from {rows} t where {page} and exists (
              select from users o where o.auth_user_id = t.auth_user_id
              and (coalesce(o.created_at, 'infinity'), o.id) < (coalesce(t.created_at, 'infinity'), t.id))""",
    ),
    Check(
        name="users_with_equal_ids",
        meaning="users whose users.id is their auth id",
        severity=Severity.NOTICE,
        consequence="They are the only ones for whom the app's group policies and REST lists ever worked.",
        fix="Nothing to mend; do not test with them only.",
        table="users",
        needs=("users.auth_user_id",),
        sql="select t.id from {rows} t where {page} and t.id = t.auth_user_id",
    ),
    Check(
        name="users_claimed_by_another",
        meaning="users whose users.id is the auth id of somebody else",
        severity=Severity.ERROR,
        consequence="That id means two people; a legacy writer that uses auth ids acts on the wrong one.",
        fix="Give one of the two accounts a new login; no statement can tell which rows were meant for whom.",
        table="users",
        needs=("users.auth_user_id",),
        sql="select t.id from {rows} t where {page} and exists (select from users o where o.auth_user_id = t.id and"
        " o.id <> t.id)",
    ),
    Check(
        name="users_linked_to_no_account",
        meaning="users whose auth_user_id is no account of the Auth server",
        severity=Severity.WARNING,
        consequence="Nobody can sign in as them, and not by phone either, for the row counts as linked.",
        fix="update public.users set auth_user_id = null where id = '<id>'; -- if the person still has the number",
        table="users",
        needs=("users.auth_user_id", "auth.users.id"),
        sql="""
            select t.id from {rows} t where {page} and t.auth_user_id is not null
            and not exists (select from auth.users a where a.id = t.auth_user_id)""",
    ),
    Check(
        name="accounts_without_user",
        meaning="accounts of the Auth server that lead to no users row, not even by phone",
        severity=Severity.NOTICE,
        consequence="Their tokens are good and answered with USER_NOT_FOUND, or with empty lists by the old endpoints.",
        fix="Nothing to mend if registration was broken off; the app's verification makes the missing row.",
        table="auth.users",
        needs=("users.auth_user_id", "users.phone_number", "auth.users.phone"),
        sql="""
            select t.id from {rows} t where {page}
            and not exists (select from users u where u.auth_user_id = t.id)
            and not exists (select from users u where u.id = t.id)
            and not exists (select from users u where u.auth_user_id is null
              and u.phone_number in (ltrim(t.phone, '+'), '+' || ltrim(t.phone, '+')))""",
    ),
    Check(
        name="phone_numbers_twice",
        meaning="users with a leading + in their phone number whose number another row has without it",
        severity=Severity.WARNING,
        consequence="One number, two users rows: who signs in by phone becomes the older of the unlinked ones.",
        fix="Decide by hand which row is the person; the unique constraint sees two different texts.",
        table="users",
        needs=("users.phone_number",),
        sql="""
            select t.id from {rows} t where {page} and t.phone_number like '+%%'
            and exists (select from users o where o.phone_number = ltrim(t.phone_number, '+'))""",
    ),
)
