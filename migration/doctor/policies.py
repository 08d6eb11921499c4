"""Row-level security: what the anon key reads, what strangers may write, what nobody can.

Contract data-model section 3. The bridge relies on none of it; these are holes beside the bridge, and features of
legacy clients that never worked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import psycopg
from msgspec import Struct

from bridge.schema import NEEDED
from migration.doctor.looks import Look, NotSeen, Seen, Served, Sights, Stored
from migration.findings import Finding, Severity
from migration.project import MULTIPLE_CHOICES

PRIVATE: Final = (*NEEDED, "message_recipients", "deliveries", "attachments")
PERSONAL: Final = ("message_status", "typing_indicators", "user_presence")
WRITES: Final = frozenset({"INSERT", "ALL"})

# Every column of the table is named with it: inside the subquery another table may have one of that name.
_ME: Final = "exists (select from public.users u where u.id = {} and auth.uid() in (u.auth_user_id, u.id))"
_MEMBER: Final = (
    "exists (select from public.conversation_participants p join public.users u on u.id = p.user_id"
    " where p.conversation_id = {} and p.left_at is null and auth.uid() in (u.auth_user_id, u.id))"
)
_MADE_BY_ME: Final = (
    "exists (select from public.conversations c join public.users u on u.id = c.created_by"
    " where c.id = conversation_participants.conversation_id and auth.uid() in (u.auth_user_id, u.id))"
)
_DIRECT_COMPARISON: Final = re.compile(r"\b(created_by|user_id|sender_id) = auth\.uid\(\)")


class Policy(Struct, frozen=True, kw_only=True):
    """A permissive policy."""

    table: str
    name: str
    roles: tuple[str, ...]
    command: str
    condition: str
    """What new rows must fulfil; for reading, what rows are seen."""

    def is_for(self, *roles: str) -> bool:
        """Tell whether one of these roles, or everybody, is meant."""
        return bool({"public", *roles} & set(self.roles))


def _policies(connection: psycopg.Connection) -> list[Policy]:
    return [
        Policy(table=table, name=name, roles=tuple(roles), command=command, condition=condition or "true")
        for table, name, roles, command, condition in connection.execute(_POLICIES, {"tables": list(PRIVATE)})
    ]


def _secured(connection: psycopg.Connection) -> Mapping[str, bool]:
    return dict(connection.execute(_SECURED, {"tables": list(PRIVATE)}).fetchall())


def _open_tables(sights: Sights) -> Seen:
    if sights.stored is not None:
        readable = _readable_by_anon(sights.stored)
    else:
        readable = _readable_over_rest(sights.of_project())
    findings = [
        Finding(
            check="open_tables",
            severity=Severity.ERROR,
            evidence=f"The anon key reads {table}.",
            fix=f"{fix} -- after the last legacy client has moved, for its Realtime may join without a token; whoever"
            " is signed in reads all rows as before",
            consequence="That key is in every client: anybody reads everybody's rows, past the bridge.",
        )
        for table, fix in readable.items()
    ]
    return Seen(findings, "the anon key reads none of the chat's tables")


def _readable_by_anon(stored: Stored) -> Mapping[str, str]:
    """Return what closes each table that anon reads."""
    with stored.database.looking() as connection:
        secured, policies = _secured(connection), _policies(connection)
        filled = {table for table in secured if _has_rows(connection, table)}
    readable: dict[str, str] = {}
    for table, is_secured in secured.items():
        opening = [
            one for one in policies if one.table == table and one.command in {"SELECT", "ALL"} and one.is_for("anon")
        ]
        seen = _seen_by_anon(stored, table)
        by_text = not is_secured or any(one.condition == "true" for one in opening)
        if seen or (by_text and (seen is None or table not in filled)):
            readable[table] = _closing(table, opening, is_secured=is_secured)
    return readable


def _seen_by_anon(stored: Stored, table: str) -> bool | None:
    """Tell whether anon sees a row; None: we may not act as anon."""
    try:
        with stored.database.looking("row_security = on", "role = anon") as connection:
            return _has_rows(connection, table)
    except psycopg.errors.InsufficientPrivilege as error:
        return None if "role" in (error.diag.message_primary or "") else False
    except psycopg.errors.InvalidParameterValue:
        return None  # quiet: there is no such role
    except psycopg.ProgrammingError:
        return False  # quiet: a policy that fails shows nothing


def _has_rows(connection: psycopg.Connection, table: str) -> bool:
    return bool(connection.execute(f"select from {table} limit 1".encode()).rowcount)


def _closing(table: str, opening: Sequence[Policy], *, is_secured: bool) -> str:
    if not is_secured:
        return f"alter table public.{table} enable row level security;"
    dropped = "".join(f'drop policy "{one.name}" on public.{table}; ' for one in opening)
    return (
        f'{dropped}create policy "Signed-in users can view {table}" on public.{table}'
        " for select to authenticated using (true);"
    )


def _readable_over_rest(served: Served) -> Mapping[str, str]:
    key = served.settings.supabase_publishable_key
    if key is None:
        raise NotSeen("it needs MIGRATION_DATABASE_URL, or SUPABASE_PUBLISHABLE_KEY to try it out")
    if not served.rest.takes(key.get_secret_value()):
        raise NotSeen("the project refuses SUPABASE_PUBLISHABLE_KEY")
    readable: dict[str, str] = {}
    for table in NEEDED:
        answer = served.rest.get(f"/rest/v1/{table}", key=key.get_secret_value(), limit="1")
        if answer.status_code < MULTIPLE_CHOICES and answer.json():
            readable[table] = (
                "-- the policies' names are in pg_policies; with MIGRATION_DATABASE_URL they are named here"
            )
    return readable


def _strangers(sights: Sights) -> Seen:
    with sights.of_database().database.looking() as connection:
        policies = _policies(connection)
    return Seen(list(_strange(policies)), "no policy lets people write where they are no members")


def _strange(policies: Sequence[Policy]) -> Iterator[Finding]:
    for one in policies:
        look = _LOOKS.get(one.table)
        finding = look(one) if look is not None and one.is_for("authenticated", "anon") else None
        if finding is not None:
            yield finding


def _strange_messages(policy: Policy) -> Finding | None:
    if policy.command not in WRITES or "conversation_participants" in policy.condition:
        return None
    return _stranger(
        policy,
        "lets anybody who is signed in write into any conversation",
        f"{_ME.format('messages.sender_id')} and {_MEMBER.format('messages.conversation_id')}",
        "Messages of strangers stand in everybody's conversations; the bridge does not push them, but loads show them.",
    )


def _strange_participants(policy: Policy) -> Finding | None:
    if policy.command not in WRITES or "conversations" in policy.condition:
        return None
    return _stranger(
        policy,
        "lets anybody add anybody, themselves too, to any conversation",
        _MADE_BY_ME,
        "Whoever has added himself is a member, for the bridge as well: he reads and writes there.",
    )


def _strange_conversations(policy: Policy) -> Finding | None:
    if policy.command not in {"UPDATE", "ALL"} or "created_by IS NULL" not in policy.condition:
        return None
    return _stranger(
        policy,
        "lets anybody who is signed in change conversations without creator",
        _ME.format("conversations.created_by"),
        "Names and timers of those conversations can be changed by strangers.",
        Severity.WARNING,
    )


_LOOKS: Final[Mapping[str, Callable[[Policy], Finding | None]]] = {
    "messages": _strange_messages,
    "conversation_participants": _strange_participants,
    "conversations": _strange_conversations,
}


def _stranger(
    policy: Policy, what: str, condition: str, consequence: str, severity: Severity = Severity.ERROR
) -> Finding:
    clause = "using" if policy.command == "UPDATE" else "with check"
    return Finding(
        check="strangers",
        severity=severity,
        evidence=f'The policy "{policy.name}" on {policy.table} {what}.',
        fix=f'drop policy "{policy.name}" on public.{policy.table}; create policy "{policy.name}" on'
        f" public.{policy.table}"
        f" for {policy.command.lower()} to authenticated {clause} ({condition});",
        consequence=consequence,
    )


def _closed_tables(sights: Sights) -> Seen:
    stored = sights.of_database()
    with stored.database.looking() as connection:
        secured, policies = _secured(connection), _policies(connection)
        ((equal, everybody),) = connection.execute(_EQUAL_IDS).fetchall()
    writable = {one.table for one in policies if one.command in WRITES and one.is_for("authenticated")}
    closed = [table for table in PERSONAL if secured.get(table) and table not in writable]
    findings = [_closed(table) for table in closed]
    findings += [_half_closed(one, equal, everybody) for one in policies if _is_half_closed(one)]
    return Seen(findings, "people can write what is their own")


def _closed(table: str) -> Finding:
    return Finding(
        check="closed_tables",
        severity=Severity.WARNING,
        evidence=f"No policy lets anybody write {table}.",
        fix=f'create policy "People write their own {table}" on public.{table} for all to authenticated'
        f" using ({_ME.format(f'{table}.user_id')}) with check ({_ME.format(f'{table}.user_id')});",
        consequence="Legacy clients' writes are refused (42501) without a word; only the secret key, so the bridge,"
        " can.",
    )


def _is_half_closed(policy: Policy) -> bool:
    return (
        policy.command in WRITES
        and bool(_DIRECT_COMPARISON.search(policy.condition))
        and "users" not in policy.condition
    )


def _half_closed(policy: Policy, equal: int, everybody: int) -> Finding:
    column = (_DIRECT_COMPARISON.search(policy.condition) or [""])[1]
    return Finding(
        check="closed_tables",
        severity=Severity.WARNING,
        evidence=f'The policy "{policy.name}" on {policy.table} compares {column} with the auth id:'
        f" that is true for {equal:,} of {everybody:,} users.",
        fix=f'drop policy "{policy.name}" on public.{policy.table}; create policy "{policy.name}" on'
        f" public.{policy.table}"
        f" for {policy.command.lower()} to authenticated with check ({_ME.format(f'{policy.table}.{column}')});",
        consequence="For everybody else the legacy clients' writes are refused; the bridge writes with the secret key.",
    )


_POLICIES: Final = """
select tablename::text, policyname::text, array(select unnest(roles)::text), cmd,
  case when cmd = 'INSERT' then with_check else coalesce(qual, with_check) end
from pg_policies
where schemaname = 'public' and tablename = any(%(tables)s) and permissive = 'PERMISSIVE' order by 1, 2
"""
_SECURED: Final = """
select relname::text, relrowsecurity from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and relname = any(%(tables)s) order by 1
"""
_EQUAL_IDS: Final = "select count(*) filter (where id = auth_user_id), count(*) from users"

LOOKS: Final = (
    Look(name="open_tables", meaning="what the anon key reads", take=_open_tables),
    Look(name="strangers", meaning="what people may write where they do not belong", take=_strangers),
    Look(name="closed_tables", meaning="what nobody, or hardly anybody, can write", take=_closed_tables),
)
