"""Repairs of columns that hold an auth id: the users.id of the one person that it is of."""

from __future__ import annotations

from typing import Final

from migration.checks.references import REFERENCES, Reference
from migration.repairs.definition import Repair

# Typing and presence rows by auth id are left: nobody reads them, and the next real one is written beside them.
_PARTNERS: Final = {
    "participants": "conversation_id",
    "messages": None,
    "receipts": "message_id",
    "group_members": "group_id",
    "conversations_made": None,
    "groups_made": None,
    "deliveries": "message_id",
    "copies": "message_id",
}
"""With which column the id is unique: a second row of the same person is left alone."""
_TOUCHED: Final = frozenset({"conversations", "groups"})
"""Tables whose trigger sets updated_at."""


def _mapped(one: Reference) -> Repair:
    partner = _PARTNERS[one.name]
    alone = f"not exists (select from {one.table} o where o.{partner} = t.{partner} and o.{one.column} = u.id)"
    touched = ", 'updated_at', t.updated_at" if one.table in _TOUCHED else ""
    return Repair(
        check=f"{one.name}_by_auth_id",
        what=f"puts the users.id in the place of the auth id in {one.table}.{one.column}",
        why_safe="The auth id is of exactly one users row, so it is the same person. Left alone: ids that several"
        " users rows"
        " share, and rows beside which there is one by users.id already.",
        sql=f"""
            select t.{one.key}::text, '{one.table}', jsonb_build_object('{one.key}', t.{one.key}),
              jsonb_build_object('{one.column}', t.{one.column}{touched}), jsonb_build_object('{one.column}', u.id)
            from {one.table} t join users u on u.auth_user_id = t.{one.column}
            where {{page}} and not exists (select from users x where x.id = t.{one.column})
            and not exists (select from users x where x.auth_user_id = t.{one.column} and x.id <> u.id)
            and {alone if partner else "true"}""",
    )


REPAIRS: Final = tuple(_mapped(one) for one in REFERENCES if one.name in _PARTNERS)
