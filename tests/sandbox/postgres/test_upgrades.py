"""The app's migrations on a database with people in it: what they break, and what they change without a word.

Contract: data-model, section 7, "Upgrades that fail on data"; failures F40 and F47.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import psycopg
import pytest

from scripts.sandbox.generations import SQL, migrations
from scripts.sandbox.sample_messages import BACKSLASHES, BUFFER_JSON, EMOJI, HEX_LOOKALIKE
from scripts.sandbox.schema import apply
from scripts.sandbox.seed import CONVERSATIONS, MESSAGES, PEOPLE
from tests.sandbox.postgres.acting import Acting, user_id
from tests.sandbox.postgres.conftest import ActingOn, in_session_loop

CAST, CAST_AGAIN = SQL / "db2" / "010_cast.sql", SQL / "db2" / "014_cast_again.sql"
REPAIR = SQL / "db2" / "011_created_by.sql"
GUESS = SQL / "db2" / "017_missing_participants.sql"
AS_BASE64 = SQL / "db3" / "022_copies_as_base64.sql"
CONTENT = "select encrypted_content from messages where id = %s"
SAY = "update messages set encrypted_content = %s where id = %s"
MEMBERS = (
    "select user_id::text, left_at is null from conversation_participants where conversation_id = %s order by user_id"
)
both_casts = pytest.mark.parametrize("cast", [CAST, CAST_AGAIN], ids=lambda file: file.stem)


# Casts ---------------------------------------------------------------------------------------------------------------


@both_casts
@pytest.mark.parametrize("text", [BACKSLASHES, r"back\slash C:\new", r"\x414", r"\xzz", "\\"])
async def test_a_stray_backslash_fails_the_cast(acting: Acting, cast: Path, text: str) -> None:
    """22P02, or 22023 for what begins like hex and is none: the column stays text."""
    await acting.changed("delete from messages where strpos(encrypted_content, '\\') > 0")
    await acting.changed(SAY, text, MESSAGES["hello"])
    with pytest.raises((psycopg.errors.InvalidTextRepresentation, psycopg.errors.InvalidParameterValue)):
        await acting.migrate(cast)


@both_casts
@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (HEX_LOOKALIKE, b"AB"),  # \x4142
        (r"\101\\", b"A\\"),
        (BUFFER_JSON, BUFFER_JSON.encode()),
        (EMOJI, EMOJI.encode()),
        ("two\nlines", b"two\nlines"),
    ],
)
async def test_the_cast_keeps_ordinary_text_and_silently_changes_what_looks_like_bytes(
    acting: Acting, cast: Path, text: str, stored: bytes
) -> None:
    """No error tells of it."""
    await acting.changed("delete from messages where id = %s", MESSAGES["backslashes"])
    await acting.changed(SAY, text, MESSAGES["hello"])
    await acting.migrate(cast)
    assert bytes(await acting.one(CONTENT, MESSAGES["hello"])) == stored


async def test_the_second_cast_does_nothing_where_the_first_has_worked(acting: Acting) -> None:
    """Bytes that would be no valid text representation stay."""
    await acting.changed("delete from messages where id = %s", MESSAGES["backslashes"])
    await acting.migrate(CAST)
    await acting.changed(SAY, b"back\\slash \\x41", MESSAGES["hello"])
    await acting.migrate(CAST_AGAIN)
    assert bytes(await acting.one(CONTENT, MESSAGES["hello"])) == b"back\\slash \\x41"


async def test_after_the_cast_no_text_with_a_backslash_can_be_sent_raw(acting: Acting) -> None:
    """It is read as bytea input, as a client that knows nothing of bytea sends it."""
    await acting.changed("delete from messages where id = %s", MESSAGES["backslashes"])
    await acting.migrate(CAST)
    raw = "insert into messages (conversation_id, sender_id, encrypted_content) values (%s, %s, {}) "
    who = (CONVERSATIONS["bob-carol"], user_id("bob"))
    assert await acting.sqlstate(raw.format(r"'back\slash'"), *who) == "22P02"
    returned = await acting.one(raw.format(r"'\x4142'") + "returning encrypted_content", *who)
    assert bytes(returned) == b"AB"


# Repairs -------------------------------------------------------------------------------------------------------------


async def test_the_created_by_repair_fails_at_the_commit(old_dsn: str) -> None:
    """A conversation without creator, and an oldest user whose auth id is no users.id: the normal case (23503)."""
    await _execute(old_dsn, "update users set created_at = '2020-01-01Z' where username = 'bob'")
    with pytest.raises(psycopg.errors.ForeignKeyViolation) as failure:
        await apply(old_dsn, [REPAIR])
    assert failure.value.__notes__ == ["in 011_created_by.sql"]
    assert await _created_by(old_dsn, "damaged") is None


async def test_the_created_by_repair_works_for_an_oldest_user_with_one_id(old_dsn: str) -> None:
    """Somebody who was never there becomes the creator of everything that had none."""
    await _execute(old_dsn, "update users set created_at = '2020-01-01Z' where username = 'alice'")
    await apply(old_dsn, [REPAIR])
    assert await _created_by(old_dsn, "damaged") == user_id("alice")
    assert await _created_by(old_dsn, "bob-carol") == user_id("bob")


async def test_missing_participants_are_guessed_from_what_they_wrote(acting: Acting) -> None:
    """Bob is back where REST forgot him; who has left stays away."""
    await acting.migrate(GUESS)
    both = {(user_id("bob"), True), (user_id("carol"), True)}
    assert set(await acting.rows(MEMBERS, CONVERSATIONS["damaged"])) == both
    assert (user_id("grace"), False) in await acting.rows(MEMBERS, CONVERSATIONS["general"])


# The whole way -------------------------------------------------------------------------------------------------------


async def test_a_database_with_people_stops_at_the_first_cast(old_dsn: str) -> None:
    """And stays DB-1."""
    with pytest.raises(psycopg.errors.InvalidTextRepresentation) as failure:
        await apply(old_dsn, migrations("db3")[len(migrations("db1")) :])
    assert failure.value.__notes__ == ["in 010_cast.sql"]
    ((text,),) = await _execute(old_dsn, CONTENT, MESSAGES["hex"])
    assert text == HEX_LOOKALIKE


async def test_a_mended_database_comes_all_the_way(old_dsn: str) -> None:
    """Without backslashes, and with creators for all: the messages are there, and have no copies (contract F46)."""
    mend = "update messages set encrypted_content = 'mended' where strpos(encrypted_content, '\\') > 0"
    await _execute(old_dsn, mend)
    await _execute(old_dsn, "update conversations set created_by = %s where created_by is null", user_id("carol"))
    ((before,),) = await _execute(old_dsn, "select count(*) from messages")
    await apply(old_dsn, migrations("db3")[len(migrations("db1")) :])
    ((after, copies),) = await _execute(
        old_dsn, "select count(*), (select count(*) from message_recipients) from messages"
    )
    assert (after, copies) == (before, 0)
    ((stored,),) = await _execute(old_dsn, CONTENT, MESSAGES["emoji"])
    assert bytes(stored) == EMOJI.encode()


@in_session_loop
async def test_copies_from_before_step_12c_become_base64(acting_on: ActingOn) -> None:
    """In one line each."""
    acting = await acting_on("db3-bytea-copies")
    copy = "select encrypted_content from message_recipients where recipient_user_id = %s order by id limit 1"
    sealed = bytes(await acting.one(copy, PEOPLE["bob"].user_id))
    assert len(sealed) > 1000
    await acting.migrate(AS_BASE64)
    assert await acting.one(copy, PEOPLE["bob"].user_id) == base64.b64encode(sealed).decode()


async def _created_by(dsn: str, conversation: str) -> object:
    ((found,),) = await _execute(
        dsn, "select created_by::text from conversations where id = %s", CONVERSATIONS[conversation]
    )
    return found


async def _execute(dsn: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        cursor = await connection.execute(statement.encode(), values or None)
        return await cursor.fetchall() if cursor.description else []
