"""Checks of every column that names a person: a users.id, an auth id by mistake, or nobody.

Contract data-model section 6.

Foreign keys forbid it, where they are: some were dropped by hand, and deliveries never had one.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from migration.checks.definition import Check
from migration.findings import Severity


class Reference(Struct, frozen=True):
    """A column that holds a users.id, or ought to."""

    name: str
    table: str
    column: str
    key: str = "id"


REFERENCES: Final = (
    Reference("participants", "conversation_participants", "user_id"),
    Reference("messages", "messages", "sender_id"),
    Reference("receipts", "message_status", "user_id"),
    Reference("typing", "typing_indicators", "user_id"),
    Reference("presence", "user_presence", "user_id", key="user_id"),
    Reference("group_members", "group_members", "user_id"),
    Reference("conversations_made", "conversations", "created_by"),
    Reference("groups_made", "groups", "created_by"),
    Reference("deliveries", "deliveries", "recipient_user_id", key="message_id"),
    Reference("copies", "message_recipients", "recipient_user_id"),
)

_UNKNOWN: Final = "t.{column} is not null and not exists (select from users u where u.id = t.{column})"
_LINKED: Final = "exists (select from users u where u.auth_user_id = t.{column})"


def _by_auth_id(one: Reference) -> Check:
    return Check(
        name=f"{one.name}_by_auth_id",
        meaning=f"rows of {one.table} whose {one.column} is an auth id instead of a users.id",
        severity=Severity.ERROR,
        consequence="Whoever asks by users.id does not find them; only membership is read by both ids.",
        fix=f"update public.{one.table} set {one.column} = '<users.id>' where {one.column} = '<auth id>';",
        table=one.table,
        key=one.key,
        needs=(f"{one.table}.{one.column}", "users.auth_user_id"),
        sql=_question(one, f"{_UNKNOWN} and {_LINKED}"),
    )


def _of_nobody(one: Reference) -> Check:
    return Check(
        name=f"{one.name}_of_nobody",
        meaning=f"rows of {one.table} whose {one.column} is nobody's id",
        severity=Severity.WARNING,
        consequence="They are shown without a name or not at all, and PostgREST embeds null for the person.",
        fix="None is safe: who was meant cannot be known. Delete them by hand if nobody misses anything.",
        table=one.table,
        key=one.key,
        needs=(f"{one.table}.{one.column}", "users.auth_user_id"),
        sql=_question(one, f"{_UNKNOWN} and not {_LINKED}"),
    )


def _question(one: Reference, condition: str) -> str:
    # Distinct, for a message has several deliveries, all of which are in the same page.
    wanted = f"select distinct t.{one.key}" if one.table == "deliveries" else f"select t.{one.key}"
    return f"{wanted} from {{rows}} t where {{page}} and {condition.format(column=one.column)}"


CHECKS: Final = (*map(_by_auth_id, REFERENCES), *map(_of_nobody, REFERENCES))
