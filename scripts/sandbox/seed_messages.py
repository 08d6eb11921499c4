"""Fills a sandbox with what its people have written and read, stored as the database's generation stores it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import timedelta

import psycopg
from psycopg.types.json import Jsonb

from scripts.sandbox.cast import CONVERSATIONS, PEOPLE
from scripts.sandbox.layout import Layout
from scripts.sandbox.sample_messages import ALICE_LEAVES_READ, MESSAGES, SampleMessage, sample_messages
from scripts.sandbox.sample_sealed import (
    LATER_MESSAGES,
    SealedMessage,
    plain_messages,
    sealed_copy,
    sealed_messages,
)

Row = Mapping[str, object]


async def write_messages(cursor: psycopg.AsyncCursor, layout: Layout) -> None:
    """Write the messages of DB-1 and their receipts."""
    written = sample_messages()
    await cursor.executemany(_MESSAGE, [_message_row(message, layout, CONVERSATIONS) for message in written])
    await cursor.executemany(_EXPIRE, [(message.id,) for message in written if message.expired])
    # These messages are older than the trigger of DB-3 that has just made a status for everyone.
    await cursor.execute("delete from public.message_status")
    await cursor.executemany(_RECEIPT, _receipts(written))


async def write_deliveries(cursor: psycopg.AsyncCursor) -> None:
    """Note that everybody who was there has been given what the others wrote."""
    await cursor.execute(_DELIVERIES)


async def write_copies(cursor: psycopg.AsyncCursor, layout: Layout, conversations: Mapping[str, str]) -> None:
    """Write what is sealed, its copies, and what came in plainly between; `conversations` are ids by name."""
    sealed = sealed_messages(conversations)
    rows = [*(message.row for message in sealed), *plain_messages()]
    await cursor.executemany(_MESSAGE, [_message_row(message, layout, conversations) for message in rows])
    await cursor.executemany(_COPY, [row for message in sealed for row in _copies(message, layout)])


def _message_row(message: SampleMessage, layout: Layout, conversations: Mapping[str, str]) -> Row:
    later = message.sent_at + timedelta(minutes=1)
    return {
        "id": message.id,
        "conversation": conversations[message.conversation],
        "sender": PEOPLE[message.sender].user_id,
        "reply_to": {**MESSAGES, **LATER_MESSAGES}[message.reply_to] if message.reply_to else None,
        "kind": message.kind,
        "content": message.text.encode() if layout.binary_content else message.text,
        "metadata": Jsonb(dict(message.metadata)),
        "edited_at": later if message.edited else None,
        "deleted_at": later if message.deleted else None,
        "at": message.sent_at,
    }


def _receipts(written: Iterable[SampleMessage]) -> Iterable[Row]:
    """Alice has read the beginning of the trip; nobody else could ever write a receipt (data-model, section 3)."""
    trip = [message for message in written if message.conversation == "trip"]
    for message in trip[:ALICE_LEAVES_READ]:
        if message.sender != "alice":
            yield {"message": message.id, "user": PEOPLE["alice"].user_id, "at": message.sent_at + timedelta(hours=1)}


def _copies(message: SealedMessage, layout: Layout) -> Iterable[Row]:
    for name in message.recipients:
        sealed = sealed_copy(message.id, name).encode()
        yield {
            "message": message.id,
            "recipient": PEOPLE[name].user_id,
            "content": sealed if layout.binary_copies else base64.b64encode(sealed).decode(),
            "expired": name in message.expired_for,
        }


_MESSAGE = """
insert into public.messages (id, conversation_id, sender_id, reply_to_id, message_type, encrypted_content, metadata,
                             edited_at, deleted_at, created_at)
values (%(id)s, %(conversation)s, %(sender)s, %(reply_to)s, %(kind)s, %(content)s, %(metadata)s,
        %(edited_at)s, %(deleted_at)s, %(at)s)
"""
# By UPDATE: the trigger overwrites what an INSERT says.
_EXPIRE = "update public.messages set expires_at = now() - interval '1 day' where id = %s"
_RECEIPT = """
insert into public.message_status (message_id, user_id, status, timestamp)
values (%(message)s, %(user)s, 'read', %(at)s)
"""
_DELIVERIES = """
insert into public.deliveries (message_id, recipient_user_id, delivered_at)
select m.id, p.user_id, m.created_at + interval '1 second'
from public.messages m join public.conversation_participants p on p.conversation_id = m.conversation_id
where p.user_id <> m.sender_id and (p.left_at is null or p.left_at > m.created_at)
"""
_COPY = """
insert into public.message_recipients (message_id, recipient_user_id, encrypted_content, start_on, read_at, expires_at)
values (%(message)s, %(recipient)s, %(content)s,
        case when %(expired)s then 'read' end,
        case when %(expired)s then now() - interval '2 days' end,
        case when %(expired)s then now() - interval '1 day' end)
"""
