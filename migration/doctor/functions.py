"""Functions of the app that can never work, found by calling them where nothing can be written (contract F3, F41, F42).

The bridge calls none of them; legacy clients do, and see lists that stay empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import psycopg

from migration.database import is_shutdown
from migration.doctor.looks import Look, Seen, Sights, listed
from migration.findings import Finding, Severity

CALLS: Final[Mapping[str, str]] = {
    "get_user_conversations_enhanced(uuid)": "select from {name}(%(person)s)",
    "get_user_conversations(uuid)": "select from {name}(%(person)s)",
    "get_user_groups(uuid)": "select from {name}(%(person)s)",
    "get_group_rooms(uuid,uuid)": "select from {name}(%(group)s, %(person)s)",
    "create_direct_conversation(uuid,uuid)": "select {name}(%(person)s, %(nobody)s)",
    "create_group_with_default_room(text,uuid,text,boolean)": "select from {name}('doctor', %(person)s, null, false)",
    "join_group_by_invite(text,uuid)": "select from {name}(%(code)s, %(person)s)",
    "calculate_message_expiration(uuid,uuid)": "select {name}(%(conversation)s, %(person)s)",
}
"""How each is called; names and arguments are those of contract data-model section 4."""
WRITERS: Final = ("create_direct_conversation(uuid,uuid)", "create_group_with_default_room(text,uuid,text,boolean)")

BROKEN: Final = "42"
"""The class of SQLSTATEs that no argument and no row can avoid: what a statement says makes no sense."""


def _functions(sights: Sights) -> Seen:
    database = sights.of_database().database
    findings: list[Finding] = []
    # Not row_security off: a function that sees past RLS must find it as it finds it at work.
    with database.looking("search_path = public, extensions", "row_security = on") as connection:
        there = [name for (name,) in connection.execute(_THERE, {"names": list(CALLS)})]
        values = dict(
            zip(("person", "conversation", "group", "code"), connection.execute(_ANYBODY).fetchall()[0], strict=True)
        )
        values["nobody"] = "00000000-0000-4000-8000-000000000000"
        for name in there:
            error = _failure(connection, name, values)
            if error is not None and (error.sqlstate or "").startswith(BROKEN) and not isinstance(error, _REFUSED):
                findings.append(_broken(name, error))
        findings += [_collides(name) for (name,) in connection.execute(_COLLIDING, {"names": list(WRITERS)})]
    return Seen(findings, f"called, and nothing in them is broken: {listed(name.split('(')[0] for name in there)}")


def _failure(connection: psycopg.Connection, name: str, values: Mapping[str, object]) -> psycopg.Error | None:
    """Call a function in a transaction that cannot write, and return how it failed."""
    call = CALLS[name].format(name=f"public.{name.split('(')[0]}")
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(call.encode(), values)
    except psycopg.Error as error:
        if is_shutdown(error):
            raise
        return error
    return None


def _broken(name: str, error: psycopg.Error) -> Finding:
    return Finding(
        check="functions",
        severity=Severity.WARNING,
        evidence=f"{name} always fails: {error.sqlstate}, {error.diag.message_primary}.",
        fix=f"drop function public.{name}; -- or qualify its columns; no request of the bridge needs it",
        consequence="The legacy clients' feature behind it never works; they only write a line to the console.",
    )


def _collides(name: str) -> Finding:
    return Finding(
        check="functions",
        severity=Severity.WARNING,
        evidence=f"{name} adds the creator as participant, and a trigger on conversations has done so already.",
        fix="Let its insert into conversation_participants end with: on conflict (conversation_id, user_id) do"
        " nothing;",
        consequence="It always fails with 23505, and takes the new conversation back.",
    )


_REFUSED: Final = (psycopg.errors.InsufficientPrivilege,)
_THERE: Final = "select n from unnest(%(names)s::text[]) n where to_regprocedure('public.' || n) is not null"
_ANYBODY: Final = """
select p.user_id, p.conversation_id, (select id from groups limit 1),
  coalesce((select invite_code from groups where invite_code is not null limit 1), 'NONE')
from (select 1) as one left join (
  select user_id, conversation_id from conversation_participants where left_at is null limit 1
) p on true
"""
_COLLIDING: Final = """
select n from unnest(%(names)s::text[]) n join pg_proc f on f.oid = to_regprocedure('public.' || n)::oid
where f.prosrc ~* 'insert\\s+into\\s+(public\\.)?conversation_participants' and f.prosrc !~* 'on\\s+conflict'
and exists (
  select from pg_trigger g join pg_proc a on a.oid = g.tgfoid
  where g.tgrelid = 'public.conversations'::regclass and not g.tgisinternal and g.tgenabled <> 'D'
  and a.prosrc ~* 'insert\\s+into\\s+(public\\.)?conversation_participants')
"""

LOOKS: Final = (Look(name="functions", meaning="which functions of the app can never work", take=_functions),)
