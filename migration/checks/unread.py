"""Unread counts, counted once more in one SQL statement and compared with what load_conversations answers.

The definition is `bridge.store.unread`; this is written from its words, not from its code. On a database in use rows
change between two questions, so a difference counts only if the count is the same before and after the answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from bridge.models import AuthId, ConversationId, ConversationSummary, Identity, UserId
from bridge.store.unread import UNREAD_LIMIT, UNREAD_WINDOW
from migration.checks.definition import Check
from migration.database import Database
from migration.findings import Severity

CHECK: Final = Check(
    name="unread_counts",
    meaning="unread counts that differ from what load_conversations answers, of some people",
    severity=Severity.ERROR,
    consequence="People are shown a number that is not what they have to read.",
    fix="None by SQL: report it, with these ids of person and conversation. bridge/store/unread.py has the definition.",
    table="messages",
    sql=None,
)

Counts = Mapping[ConversationId, int]


class Lists(Protocol):
    """Where the bridge's conversation lists come from."""

    async def summaries(self, identity: Identity, now: datetime) -> Sequence[ConversationSummary]:
        """Return somebody's conversations."""
        ...


class Recount:
    """Counts by SQL."""

    def __init__(self, database: Database, as_of: datetime) -> None:
        self._database = database
        self._as_of = as_of

    def sample(self, count: int) -> list[Identity]:
        """Return so many people who are in conversations, or fewer; always the same ones of the same database."""
        found: dict[str, Identity] = {}
        with self._database.looking() as connection:
            for number in range(count):
                probe = UUID(bytes=hashlib.sha256(f"unread {number}".encode()).digest()[:16])
                for user_id, auth_id in connection.execute(_PERSON, {"probe": probe}):
                    found[str(user_id)] = Identity(user_id=UserId(str(user_id)), auth_id=AuthId(str(auth_id)))
        return list(found.values())

    def counts(self, identity: Identity) -> Counts:
        """Return the unread messages of each conversation that somebody is in."""
        values = {
            "user_id": identity.user_id,
            "ids": sorted(identity.ids),
            "as_of": self._as_of,
            "since": self._as_of - UNREAD_WINDOW,
            "limit": UNREAD_LIMIT,
        }
        with self._database.looking() as connection:
            return {ConversationId(str(one)): count for one, count in connection.execute(_COUNTS, values)}


async def differences(recount: Recount, lists: Lists, people: Sequence[Identity], as_of: datetime) -> list[str]:
    """Return person and conversation of each count that differs, or that only one side knows.

    Raises:
        StoreError: the bridge's side does not answer.

    """
    found: list[str] = []
    for identity in people:
        before = recount.counts(identity)
        answer = {one.id: one.unread_count for one in await lists.summaries(identity, as_of)}
        after = recount.counts(identity)
        found += [
            f"{identity.user_id} {conversation}"
            for conversation in sorted(before.keys() | answer.keys())
            if before.get(conversation) == after.get(conversation) != answer.get(conversation)
        ]
    return found


_PERSON: Final = """
select u.id, coalesce(u.auth_user_id, u.id)
from conversation_participants p join users u on u.id = p.user_id
where p.id >= %(probe)s and p.left_at is null order by p.id limit 1
"""
_COUNTS: Final = """
with mine as (
  select distinct p.conversation_id as id from conversation_participants p
  join conversations c on c.id = p.conversation_id
  where p.user_id = any(%(ids)s::uuid[]) and p.left_at is null
), shown as (
  select m.* from mine join messages m on m.conversation_id = mine.id
  where m.deleted_at is null and (m.expires_at is null or m.expires_at > %(as_of)s) and m.created_at >= %(since)s
), seen as (
  select distinct on (conversation_id) conversation_id, created_at, id from (
    select conversation_id, created_at, id from shown where sender_id = any(%(ids)s::uuid[])
    union all
    select m.conversation_id, m.created_at, m.id from mine join messages m on m.conversation_id = mine.id
    join message_status s on s.message_id = m.id and s.user_id = %(user_id)s and s.status = 'read'
    where m.created_at >= %(since)s
  ) either order by conversation_id, created_at desc, id desc
)
select mine.id, (
  select count(*) from (
    select from shown left join seen using (conversation_id)
    where shown.conversation_id = mine.id and shown.sender_id <> all(%(ids)s::uuid[])
      and (seen.id is null or (shown.created_at, shown.id) > (seen.created_at, seen.id))
    limit %(limit)s
  ) counted
) from mine
"""
