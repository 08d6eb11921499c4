"""Fills a migrated, empty sandbox with its sample people and what they have said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta

import psycopg

from scripts.sandbox.cast import (
    CONVERSATIONS,
    GROUP_ID,
    GROUP_LEFT,
    GROUP_NAME,
    GROUP_ROLES,
    INVITE_CODE,
    MADE,
    NOTES,
    OPENED,
    PEOPLE,
    Conversation,
    Person,
)
from scripts.sandbox.layout import read_layout
from scripts.sandbox.sample_messages import MESSAGES
from scripts.sandbox.seed_messages import write_copies, write_deliveries, write_messages

__all__ = ["CONVERSATIONS", "GROUP_ID", "INVITE_CODE", "MESSAGES", "PEOPLE", "Person", "seed"]

Row = Mapping[str, object]


async def seed(dsn: str) -> dict[str, str]:
    """Insert all sample rows, in one transaction, and return the conversations' ids by name; `dsn` is a superuser's.

    Each is stored as the database's generation stores it; what is sealed, and the notes, only where it has such.

    Raises:
        psycopg.errors.UniqueViolation: they are there already; nothing was changed.

    """
    async with await psycopg.AsyncConnection.connect(dsn) as connection, connection.cursor() as cursor:
        layout = await read_layout(cursor)
        conversations = {**MADE, **NOTES} if layout.notes else MADE
        await cursor.executemany(_ACCOUNT, [_person_row(one) for one in PEOPLE.values() if one.auth_id])
        await cursor.executemany(_USER, [_person_row(one) for one in PEOPLE.values() if one.user_id])
        await cursor.execute(_GROUP, {"id": GROUP_ID, "name": GROUP_NAME, "code": INVITE_CODE, **_owner()})
        await cursor.executemany(_GROUP_MEMBER, _group_members())
        await cursor.executemany(_CONVERSATION, _conversation_rows(conversations.values()))
        await cursor.executemany(_PARTICIPANT, _participants(conversations.values()))
        await write_messages(cursor, layout)
        if layout.deliveries:
            await write_deliveries(cursor)
        if layout.copies:
            await write_copies(cursor, layout, {name: made.id for name, made in conversations.items()})
        await cursor.executemany(_PRESENCE, [_person_row(one) for one in PEOPLE.values() if one.user_id])
    return {name: made.id for name, made in conversations.items()}


def _person_row(person: Person) -> Row:
    return {
        "auth_id": person.auth_id,
        "user_id": person.user_id,
        "auth_user_id": person.auth_id if person.linked else None,
        "email": person.email,
        "auth_phone": person.auth_phone,
        "phone": person.phone,
        "username": person.username,
        "display_name": person.display_name,
        "bio": person.bio,
        "retention_days": person.retention_days,
        "at": OPENED,
    }


def _owner() -> Row:
    return {"owner": PEOPLE["alice"].user_id, "at": OPENED}


def _group_members() -> Iterable[Row]:
    for name, role in GROUP_ROLES.items():
        left_at = OPENED + timedelta(days=20) if name in GROUP_LEFT else None
        yield {"group": GROUP_ID, "user": PEOPLE[name].user_id, "role": role, "at": OPENED, "left_at": left_at}


def _conversation_rows(conversations: Iterable[Conversation]) -> Iterable[Row]:
    for made in conversations:
        yield {
            "id": made.id,
            "type": made.kind,
            "name": made.name,
            "created_by": PEOPLE[made.created_by].user_id if made.created_by else None,
            "group": GROUP_ID if made.in_group else None,
            "private": made.private,
            "position": made.position,
            "disappearing": made.disappearing_days is not None,
            "days": made.disappearing_days,
            "at": OPENED,
        }


def _participants(conversations: Iterable[Conversation]) -> Iterable[Row]:
    for made in conversations:
        for order, name in enumerate((*made.members, *made.left)):
            yield {
                "conversation": made.id,
                "user": PEOPLE[name].user_id,
                "role": "admin" if name == made.created_by and made.kind != "direct" else "member",
                "at": OPENED + timedelta(seconds=order),
                "left_at": OPENED + timedelta(days=20) if name in made.left else None,
            }


_ACCOUNT = """
insert into auth.users (id, aud, role, email, phone, email_confirmed_at, phone_confirmed_at,
                        raw_app_meta_data, raw_user_meta_data, created_at, updated_at)
values (%(auth_id)s, 'authenticated', 'authenticated', %(email)s::text, %(auth_phone)s,
        case when %(email)s::text is not null then %(at)s::timestamptz end, %(at)s,
        '{"provider": "phone", "providers": ["phone"]}',
        jsonb_build_object('display_name', %(display_name)s::text), %(at)s, %(at)s)
"""
_USER = """
insert into public.users (id, phone_number, username, display_name, bio, auth_user_id,
                          default_message_retention_days, last_seen, created_at, updated_at)
values (%(user_id)s, %(phone)s, %(username)s, %(display_name)s, %(bio)s, %(auth_user_id)s,
        %(retention_days)s, %(at)s, %(at)s, %(at)s)
"""
_GROUP = """
insert into public.groups (id, name, description, invite_code, created_by, created_at, updated_at)
values (%(id)s, %(name)s, 'Beds, seeds and weeds', %(code)s, %(owner)s, %(at)s, %(at)s)
"""
_GROUP_MEMBER = """
insert into public.group_members (group_id, user_id, role, joined_at, left_at)
values (%(group)s, %(user)s, %(role)s, %(at)s, %(left_at)s)
"""
_CONVERSATION = """
insert into public.conversations (id, type, name, created_by, group_id, is_private, position,
                                  disappearing_messages_enabled, disappearing_messages_duration_days,
                                  created_at, updated_at)
values (%(id)s, %(type)s, %(name)s, %(created_by)s, %(group)s, %(private)s, %(position)s,
        %(disappearing)s, %(days)s, %(at)s, %(at)s)
"""
# From DB-2 on a trigger has added the creator already, as 'admin' of direct conversations, too.
_PARTICIPANT = """
insert into public.conversation_participants (conversation_id, user_id, role, joined_at, left_at)
values (%(conversation)s, %(user)s, %(role)s, %(at)s, %(left_at)s)
on conflict (conversation_id, user_id)
do update set role = excluded.role, joined_at = excluded.joined_at, left_at = excluded.left_at
"""
_PRESENCE = """
insert into public.user_presence (user_id, status, last_seen, updated_at)
values (%(user_id)s, 'offline', %(at)s, %(at)s)
"""
