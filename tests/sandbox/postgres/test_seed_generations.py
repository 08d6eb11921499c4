"""The sample people in every generation: the same talk, stored as its columns want it, and what is sealed."""

from __future__ import annotations

import base64
import json

import pytest

from scripts.sandbox.cast import NOTES
from scripts.sandbox.generations import GENERATIONS, Generation
from scripts.sandbox.sample_messages import BUFFER_JSON, sample_messages
from scripts.sandbox.sample_sealed import LATER_MESSAGES, SEALED, sealed_copy
from scripts.sandbox.seed import CONVERSATIONS, MESSAGES, PEOPLE
from tests.sandbox.postgres.acting import Acting, user_id
from tests.sandbox.postgres.conftest import ActingOn, in_session_loop

pytestmark = in_session_loop

every_generation = pytest.mark.parametrize("generation", GENERATIONS)
sealed_generation = pytest.mark.parametrize("generation", ["db3-bytea-copies", "db3-text", "db3"])
PARTICIPANTS = (
    "select conversation_id, user_id, role, joined_at, left_at from conversation_participants "
    "where conversation_id = any(%s::uuid[]) order by conversation_id, user_id"
)
TEXTS = "select id::text, encrypted_content from messages where not id = any(%s::uuid[])"
CONTENT = "select encrypted_content from messages where id = %s"
RECIPIENTS = "select recipient_user_id::text, encrypted_content from message_recipients where message_id = %s"


def text(content: str | bytes) -> str:
    """Return a content of either type as text."""
    return content if isinstance(content, str) else content.decode()


async def copies(acting: Acting, message_id: str) -> dict[str, str]:
    """Return the sealed copies of a message by users.id, whatever the column holds."""
    rows = await acting.rows(RECIPIENTS, message_id)
    return {
        recipient: (base64.b64decode(content) if isinstance(content, str) else bytes(content)).decode()
        for recipient, content in rows
    }


@every_generation
async def test_the_same_people_say_the_same_in_every_generation(acting_on: ActingOn, generation: Generation) -> None:
    """Bytes where the column holds bytes, the text otherwise; the triggers change no membership."""
    first, this = await acting_on("db1"), await acting_on(generation)
    later = list(LATER_MESSAGES.values())
    said = {identifier: text(content) for identifier, content in await this.rows(TEXTS, later)}
    assert said == dict(await first.rows(TEXTS, later))
    everywhere = list(CONVERSATIONS.values())
    assert await this.rows(PARTICIPANTS, everywhere) == await first.rows(PARTICIPANTS, everywhere)


@every_generation
async def test_receipts_are_those_of_db1(acting_on: ActingOn, generation: Generation) -> None:
    """What is older than the trigger of the last state has no status but these."""
    receipts = "select message_id, user_id, status from message_status where message_id = any(%s::uuid[]) order by 1, 2"
    trip = [message.id for message in sample_messages() if message.conversation == "trip"]
    everything = [*MESSAGES.values(), *trip]
    this = await (await acting_on(generation)).rows(receipts, everything)
    assert this == await (await acting_on("db1")).rows(receipts, everything)
    assert len(this) == 66


@sealed_generation
async def test_sealed_messages_hold_junk_and_have_a_copy_for_each_recipient(
    acting_on: ActingOn, generation: Generation
) -> None:
    """One for each active member of that time, the sender among them; only he can open it."""
    acting = await acting_on(generation)
    for name, message in SEALED.items():
        if message.conversation in NOTES and generation == "db3-bytea-copies":
            continue  # the type of conversation is younger
        assert text(await acting.one(CONTENT, message.id)) == BUFFER_JSON, name
        expected = {user_id(who): sealed_copy(message.id, who) for who in message.recipients}
        assert await copies(acting, message.id) == expected, name


@sealed_generation
async def test_copies_are_missing_where_real_ones_are(acting_on: ActingOn, generation: Generation) -> None:
    """One member was forgotten, one message has none at all; who had left got none, and keeps what he had."""
    acting = await acting_on(generation)
    assert user_id("dave") not in await copies(acting, SEALED["dave-forgotten"].id)
    assert len(await copies(acting, SEALED["dave-forgotten"].id)) == 3
    assert await copies(acting, SEALED["junk"].id) == {}
    assert user_id("bob") in await copies(acting, SEALED["before-bob-left"].id)
    assert user_id("bob") not in await copies(acting, SEALED["bob-has-left"].id)
    left_at = "select left_at from conversation_participants where conversation_id = %s and user_id = %s"
    moment = await acting.one(left_at, CONVERSATIONS["book-club"], user_id("bob"))
    assert SEALED["before-bob-left"].sent_at < moment < SEALED["bob-has-left"].sent_at


@sealed_generation
async def test_plain_and_sealed_messages_stand_in_one_conversation(acting_on: ActingOn, generation: Generation) -> None:
    """Older plain ones without copies, and one written between (contract F46)."""
    rows = await (await acting_on(generation)).rows(
        "select exists (select from message_recipients r where r.message_id = m.id) from messages m "
        "where conversation_id = %s order by created_at",
        CONVERSATIONS["bob-carol"],
    )
    assert [row[0] for row in rows] == [False, False, False, True, True, False, True]


@sealed_generation
async def test_one_copy_has_expired(acting_on: ActingOn, generation: Generation) -> None:
    """A time of its own, which began when he read it; the message and the others' copies are still there."""
    rows = await (await acting_on(generation)).rows(
        "select recipient_user_id::text, start_on, read_at < expires_at, expires_at < now() from message_recipients "
        "where message_id = %s",
        SEALED["bob-let-it-expire"].id,
    )
    others = {(user_id(name), None, None, None) for name in ("alice", "carol", "dave")}
    assert set(rows) == {(user_id("bob"), "read", True, True), *others}


async def test_carol_has_a_note_to_herself(acting_on: ActingOn) -> None:
    """In the last state, sealed to herself."""
    acting = await acting_on("db3")
    note = NOTES["carol-notes"].id
    assert await acting.one("select type from conversations where id = %s", note) == "note_to_self"
    members = "select user_id::text, role from conversation_participants where conversation_id = %s"
    assert await acting.rows(members, note) == [(user_id("carol"), "admin")]
    assert set(await copies(acting, SEALED["note"].id)) == {user_id("carol")}


async def test_an_unread_sealed_message_has_a_status_that_is_not_read(acting_on: ActingOn) -> None:
    """By the trigger of the last state."""
    rows = await (await acting_on("db3")).rows(
        "select user_id::text, status from message_status where message_id = %s", SEALED["sealed-hello"].id
    )
    assert dict(rows) == {user_id("bob"): "sent", user_id("carol"): "delivered"}


@pytest.mark.parametrize("generation", ["db2-text", "db2"])
async def test_deliveries_leave_out_ones_own_messages(acting_on: ActingOn, generation: Generation) -> None:
    """Everybody else who was there has one, also who has left since (contract F46)."""
    acting = await acting_on(generation)
    delivered = "select recipient_user_id::text from deliveries where message_id = %s"
    trip = "eeeeeeee-0000-4000-8000-000000001000"  # by alice, when grace was there
    assert {row[0] for row in await acting.rows(delivered, trip)} == {
        user_id(name) for name in ("bob", "carol", "grace")
    }
    own = (
        "select count(*) from deliveries d join messages m on m.id = d.message_id where m.sender_id = recipient_user_id"
    )
    assert await acting.one(own) == 0


async def test_a_copy_is_json_that_tells_nothing(acting_on: ActingOn) -> None:
    """With the keys that W3 writes; each recipient's is another (ws-protocol, section 7)."""
    for_bob, for_carol = (json.loads(sealed_copy(SEALED["sealed-hello"].id, name)) for name in ("bob", "carol"))
    assert list(for_bob) == ["v", "alg", "kem", "s", "n", "c", "t"]
    assert for_bob["c"] != for_carol["c"]
    ((stored,),) = await (await acting_on("db3")).rows(
        "select encrypted_content from message_recipients where message_id = %s and recipient_user_id = %s",
        SEALED["sealed-hello"].id,
        PEOPLE["bob"].user_id,
    )
    assert json.loads(base64.b64decode(stored, validate=True)) == for_bob
