"""Unread counts, counted by SQL: the definition case by case, and what a difference looks like."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg
import pytest

from bridge.models import AuthId, ConversationId, ConversationSummary, Identity, UserId
from bridge.settings import load_settings
from bridge.store import Store
from bridge.store.unread import UNREAD_LIMIT
from migration.checks import unread
from migration.database import connected
from migration.project import asked
from scripts.sandbox.address import SandboxAddress
from tests.migration.crowds import AS_POSTGRES

AS_OF = datetime.now(UTC).replace(microsecond=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Somebody who reads, somebody who writes, and conversations of theirs."""

    connection: psycopg.Connection
    reader: Identity
    writer: str
    recount: unread.Recount

    def conversation(self, *, by_auth_id: bool = False) -> ConversationId:
        """Make a conversation of both; the reader may be in it by the auth id, where no foreign key forbids that."""
        made = str(uuid.uuid4())
        self.connection.execute("insert into conversations (id, type) values (%s, 'group')", (made,))
        me = self.reader.auth_id if by_auth_id else self.reader.user_id
        for member in (me, self.writer):
            self.connection.execute(
                "insert into conversation_participants (conversation_id, user_id) values (%s, %s)", (made, member)
            )
        return ConversationId(made)

    def message(self, place: str, minutes_ago: float, *, sender: str | None = None, **columns: object) -> str:
        """Write a message, by the writer unless somebody else is named."""
        made, at = str(uuid.uuid4()), AS_OF - timedelta(minutes=minutes_ago)
        self.connection.execute(
            "insert into messages (id, conversation_id, sender_id, encrypted_content, created_at) "
            "values (%s, %s, %s, 'hello', %s)",
            (made, place, sender or self.writer, at),
        )
        # By UPDATE: a trigger overwrites what an INSERT says of the expiry.
        for column, value in {"expires_at": None, **columns}.items():
            self.connection.execute(f"update messages set {column} = %s where id = %s".encode(), (value, made))
        return made

    def receipt(self, message: str, status: str = "read") -> None:
        """Note that the reader has got a message."""
        self.connection.execute(
            "insert into message_status (message_id, user_id, status) values (%s, %s, %s)",
            (message, self.reader.user_id, status),
        )

    def count(self, place: ConversationId) -> int:
        """Count what the reader has not read there."""
        return self.recount.counts(self.reader)[place]


@pytest.fixture
def reading(sandbox: SandboxAddress) -> Iterator[Reading]:
    """Yield two new people in the sandbox, and take them away again."""
    reader, writer, auth_id = (str(uuid.uuid4()) for _ in range(3))
    with (
        psycopg.connect(sandbox.database_url, autocommit=True) as connection,
        connected(sandbox.database_url + AS_POSTGRES, timeout_seconds=10, read_only=True) as database,
    ):
        connection.execute("set session_replication_role = replica")
        for ident, link in ((reader, auth_id), (writer, None)):
            connection.execute(
                "insert into users (id, auth_user_id, phone_number, username, display_name)"
                " values (%s, %s, %s, %s, 'x')",
                (ident, link, ident, ident),
            )
        identity = Identity(user_id=UserId(reader), auth_id=AuthId(auth_id))
        recount = unread.Recount(database, AS_OF)
        try:
            yield Reading(connection=connection, reader=identity, writer=writer, recount=recount)
        finally:
            connection.execute("set session_replication_role = origin")
            mine = "select conversation_id from conversation_participants where user_id = any(%s::uuid[])"
            connection.execute(f"delete from conversations where id in ({mine})".encode(), ([reader, writer, auth_id],))
            connection.execute("delete from users where id = any(%s::uuid[])", ([reader, writer],))


def test_what_others_wrote_after_the_last_that_was_read_is_unread(reading: Reading) -> None:
    """Not what has no receipt: one receipt counts for everything before it."""
    place = reading.conversation()
    reading.message(place, 5)
    reading.receipt(reading.message(place, 4))
    for minutes in (3, 2, 1):
        reading.message(place, minutes)
    assert reading.count(place) == 3


def test_whoever_answers_has_read(reading: Reading) -> None:
    """By either id; a deleted answer is none."""
    place = reading.conversation()
    reading.message(place, 5)
    reading.message(place, 4, sender=reading.reader.user_id)
    reading.message(place, 3)
    reading.message(place, 2, sender=reading.reader.user_id, deleted_at=AS_OF)
    reading.message(place, 1)
    assert reading.count(place) == 2
    reading.message(place, 0.5, sender=reading.reader.auth_id)
    assert reading.count(place) == 0


def test_what_is_gone_is_not_unread(reading: Reading) -> None:
    """Deleted, expired, or older than 30 days; but a receipt for a deleted message counts."""
    place = reading.conversation()
    reading.message(place, 31 * 24 * 60)
    reading.message(place, 4, deleted_at=AS_OF)
    reading.message(place, 3, expires_at=AS_OF - timedelta(seconds=1))
    assert reading.count(place) == 0
    reading.message(place, 2, expires_at=AS_OF + timedelta(seconds=1))
    assert reading.count(place) == 1
    reading.receipt(reading.message(place, 1, deleted_at=AS_OF))
    assert reading.count(place) == 0


def test_delivered_is_not_read(reading: Reading) -> None:
    """A row of the last generation's trigger is no receipt (contract data-model section 7)."""
    place = reading.conversation()
    reading.receipt(reading.message(place, 1), "delivered")
    assert reading.count(place) == 1


def test_counting_stops_at_the_limit(reading: Reading) -> None:
    """So many, or more."""
    place = reading.conversation()
    for number in range(UNREAD_LIMIT + 2):
        reading.message(place, 1 + number)
    assert reading.count(place) == UNREAD_LIMIT


def test_the_bridge_answers_the_same(reading: Reading, sandbox: SandboxAddress) -> None:
    """In all of these cases at once, and in a conversation that somebody is in by the auth id."""
    for by_auth_id in (False, True):
        place = reading.conversation(by_auth_id=by_auth_id)
        for number in range(5):
            reading.message(place, 10 - number)
        reading.receipt(reading.message(place, 4))
        reading.message(place, 3)
        reading.message(place, 2, deleted_at=AS_OF)
        reading.message(place, 1)
        quiet = reading.conversation()
        reading.message(quiet, 2)
        reading.message(quiet, 1, sender=reading.reader.user_id)
        reading.conversation()
    settings = load_settings(supabase_url=sandbox.url, supabase_secret_key=sandbox.secret_key)

    async def ask(store: Store) -> Sequence[str]:
        return await unread.differences(reading.recount, store.conversations, [reading.reader], AS_OF)

    assert sorted(reading.recount.counts(reading.reader).values()) == [0, 0, 0, 0, 2, 2]
    assert asked(settings, ask) == []


class Mistaken:
    """A bridge that counts wrongly, and perhaps while somebody writes."""

    def __init__(self, reading: Reading, counts: dict[ConversationId, int], *, writes_to: str | None = None) -> None:
        self._reading = reading
        self._counts = counts
        self._writes_to = writes_to

    async def summaries(self, identity: Identity, now: datetime) -> Sequence[ConversationSummary]:
        """Answer with these counts."""
        if self._writes_to is not None:
            self._reading.message(self._writes_to, 0.1)
        empty = ConversationSummary(
            id=ConversationId(""),
            type="group",
            name=None,
            avatar_url=None,
            group_id=None,
            group_name=None,
            participant_count=2,
            created_at=now,
            latest=None,
            unread_count=0,
        )
        return [msgspec.structs.replace(empty, id=one, unread_count=count) for one, count in self._counts.items()]


def test_a_difference_is_told_by_person_and_conversation(reading: Reading) -> None:
    """A wrong count, a conversation that is missing, and one that is not theirs."""
    wrong, missing, right = (reading.conversation() for _ in range(3))
    reading.message(wrong, 1)
    foreign = ConversationId(str(uuid.uuid4()))
    lists = Mistaken(reading, {wrong: 2, right: 0, foreign: 0})
    found = asyncio.run(unread.differences(reading.recount, lists, [reading.reader], AS_OF))
    assert found == sorted(f"{reading.reader.user_id} {one}" for one in (wrong, missing, foreign))


def test_what_changes_while_it_is_asked_is_no_difference(reading: Reading) -> None:
    """A message that comes in between belongs to neither count for certain."""
    place = reading.conversation()
    lists = Mistaken(reading, {place: 0}, writes_to=place)
    assert asyncio.run(unread.differences(reading.recount, lists, [reading.reader], AS_OF)) == []
