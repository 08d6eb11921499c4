"""Rows of the chat's tables as COPY takes them; every column that a table needs, with the value it has in health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, NamedTuple

from scripts.sandbox.layout import Layout

BUFFER: Final = '{"type":"Buffer","data":[]}'
EXPIRES_AFTER: Final = timedelta(days=30)

COLUMNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "auth.users": "id, aud, role, phone, phone_confirmed_at, raw_user_meta_data, created_at",
        "users": "id, phone_number, username, display_name, auth_user_id, created_at",
        "groups": "id, name, invite_code, created_by, created_at",
        "group_members": "id, group_id, user_id, role, left_at",
        "conversations": "id, type, name, created_by, created_at, group_id, is_private",
        "conversation_participants": "id, conversation_id, user_id, role, joined_at, left_at",
        "messages": "id, conversation_id, sender_id, reply_to_id, encrypted_content, created_at, expires_at,"
        " deleted_at",
        "message_status": "id, message_id, user_id, status, timestamp",
        "typing_indicators": "id, conversation_id, user_id, is_typing, updated_at",
        "user_presence": "user_id, status, last_seen, updated_at",
        "deliveries": "message_id, recipient_user_id, delivered_at",
        "message_recipients": "id, message_id, recipient_user_id, encrypted_content",
    }
)
"""The tables in the order in which they are filled, with the columns that rows here have."""

Value = str | bytes | bool | datetime | None
Row = Sequence[Value]


class Person(NamedTuple):
    """Both ids of somebody."""

    id: str
    auth_id: str


def tables(layout: Layout) -> list[str]:
    """Return the tables that a database has."""
    absent = {"deliveries": not layout.deliveries, "message_recipients": not layout.copies}
    return [table for table in COLUMNS if not absent.get(table)]


def account_row(auth_id: str, phone: str, at: datetime) -> Row:
    """Return a row of auth.users."""
    return (auth_id, "authenticated", "authenticated", phone.removeprefix("+"), at, "{}", at)


def user_row(person: Person, number: int, phone: str, at: datetime, *, is_linked: bool = True) -> Row:
    """Return a row of users."""
    return (person.id, phone, f"crowd{number}", f"Crowd {number}", person.auth_id if is_linked else None, at)


def stored(text: str, layout: Layout) -> Value:
    """Return a text as messages.encrypted_content holds it."""
    return text.encode() if layout.binary_content else text


def stored_copy(layout: Layout) -> Value:
    """Return a sealed copy as the database holds it."""
    return b"sealed" if layout.binary_copies else "c2VhbGVk"


def line(row: Row) -> str:
    """Return a row in COPY's text format."""
    return "\t".join(map(_printed, row)) + "\n"


def _printed(value: Value) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, datetime):
        return value.isoformat()
    for special, escaped in (("\\", "\\\\"), ("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        if special in value:
            value = value.replace(special, escaped)
    return value
