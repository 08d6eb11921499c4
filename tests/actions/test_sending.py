"""send_message: what is written, who hears of it, what is refused and in which order it is checked."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from bridge.actions import ACTIONS
from bridge.actions.sending import MAX_CLIENT_MESSAGE_ID_CHARACTERS
from bridge.errors import ACCESS_DENIED, StoreDown, StoreRefused
from bridge.events import message_key
from bridge.ids import written_by_bridge
from bridge.models import MessageId
from tests.actions.performing import listening, perform, raise_down, refusal, told
from tests.parts import Parts
from tests.people import EVERY_KIND, ROOM, A, B, C, Person, X, conversation_id, message_id, participant

REQUIRED = ("MISSING_REQUIRED_FIELDS", "Conversation ID and content are required")
NOT_SENT = ("DATABASE_ERROR", "Failed to send message")


@pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)
async def test_a_member_of_any_kind_writes_with_its_users_id(person: Person) -> None:
    """Never with the auth id (contract F1); the reply shows the row with its sender."""
    parts = Parts()
    sent = (await perform(parts, person, "send_message", conversationId=ROOM, content="hi"))["message"]
    stored = parts.stored()[0]
    assert (stored.id, stored.sender_id, stored.content) == (sent["id"], person.user_id, "hi")
    assert (stored.message_type, stored.metadata, stored.reply_to_id) == ("text", {}, None)
    assert stored.created_at == parts.clock.now()
    assert written_by_bridge(stored.id)
    assert sent["sender"] == {
        "id": person.user_id,
        "username": person.name.lower(),
        "display_name": f"Person {person.name}",
        "avatar_url": None,
    }
    assert "reply_to" not in sent


async def test_every_member_hears_of_it_and_nobody_else() -> None:
    """The sender too (contract F16); the push shows what the reply shows (contract F17)."""
    parts = Parts()
    a, b, x = (listening(parts, person) for person in (A, B, X))
    sent = await perform(parts, B, "send_message", conversationId=ROOM, content="hi")
    assert json.loads(a.frames[0])["payload"] == sent
    assert a.frames == b.frames
    assert x.frames == []


async def test_nobody_hears_of_it_before_the_sender_has_its_answer() -> None:
    """The push is what follows the reply (contract ws-protocol section 9)."""
    parts = Parts()
    b = listening(parts, B)
    payload = json.dumps({"conversationId": ROOM, "content": "hi"}).encode()
    outcome = await ACTIONS["send_message"].perform(Raw(payload), parts.caller(B), parts.context)
    assert b.frames == []
    assert outcome.then is not None
    outcome.then()
    assert b.contents == ["hi"]


async def test_once_the_members_are_known_a_send_is_one_round_trip() -> None:
    """The write."""
    parts = Parts()
    await perform(parts, B, "send_message", conversationId=ROOM, content="1")
    parts.tables.asked.clear()
    await perform(parts, B, "send_message", conversationId=ROOM, content="2")
    assert parts.tables.asked == ["messages.insert"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
async def test_any_text_comes_back_unchanged(text: str) -> None:
    """Backslashes, hex, emoji, line ends, quotes (contract F40)."""
    parts = Parts()
    listener = listening(parts, A)
    sent = await perform(parts, B, "send_message", conversationId=ROOM, content=text)
    assert sent["message"]["encrypted_content"] == parts.stored()[0].content == listener.contents[0] == text


async def test_times_follow_the_order_of_sending() -> None:
    """Though the clock stands still (contract F24, F25)."""
    parts = Parts()
    for number in range(10):
        await perform(parts, B, "send_message", conversationId=ROOM, content=str(number))
    assert [one.content for one in parts.stored()] == [str(number) for number in range(10)]
    assert len({one.created_at for one in parts.stored()}) == 10


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"conversationId": ROOM},
        {"content": "hi"},
        {"conversationId": "", "content": "hi"},
        {"conversationId": ROOM, "content": ""},
        {"conversationId": None, "content": "hi"},
        {"conversationId": ROOM, "content": None},
        {"conversationId": ROOM, "content": 5},
        {"conversationId": ROOM, "content": ["hi"]},
        {"conversationId": {}, "content": "hi"},
        {"conversation_id": ROOM, "content": "hi"},
    ],
    ids=lambda payload: str(payload)[:70],
)
async def test_conversation_and_content_are_required(payload: dict[str, object]) -> None:
    """Nothing is written."""
    parts = Parts()
    assert told(await refusal(parts, B, "send_message", **payload)) == REQUIRED
    assert parts.stored() == []


@pytest.mark.parametrize("key", [5, ["x"], "x" * (MAX_CLIENT_MESSAGE_ID_CHARACTERS + 1)], ids=["5", "list", "long"])
async def test_an_unusable_client_message_id_is_named(key: object) -> None:
    """The text says which field it is; nothing is written."""
    parts = Parts()
    fault = await refusal(parts, B, "send_message", conversationId=ROOM, content="hi", clientMessageId=key)
    assert told(fault) == ("INVALID_DATA", "clientMessageId must be a text of at most 200 characters")
    assert parts.stored() == []


@pytest.mark.parametrize("field", ["messageType", "replyToId"])
async def test_a_type_and_an_original_of_the_wrong_kind_fail_like_unknown_ones(field: str) -> None:
    """Not as if the content were missing."""
    fault = await refusal(Parts(), B, "send_message", **{"conversationId": ROOM, "content": "hi", field: 5})
    assert told(fault) == ("DATABASE_ERROR", "Failed to send message")


async def test_fields_are_checked_before_membership() -> None:
    """The order of the contract's table: a stranger with an empty text hears of the text."""
    assert told(await refusal(Parts(), X, "send_message", conversationId=ROOM, content="")) == REQUIRED


async def test_membership_is_checked_before_anything_else_of_the_conversation() -> None:
    """A stranger learns nothing about metadata rules or originals."""
    parts = Parts()
    payload = {"conversationId": ROOM, "content": "hi", "metadata": [], "replyToId": message_id(1)}
    assert await refusal(parts, X, "send_message", **payload) == ACCESS_DENIED
    assert parts.store.asked("messages.quote") == 0


@pytest.mark.parametrize("conversation", [conversation_id(99), "nonsense", f"{ROOM}x"])
async def test_a_conversation_that_is_not_ones_own_is_refused(conversation: str) -> None:
    """Unknown or malformed, alike."""
    assert await refusal(Parts(), B, "send_message", conversationId=conversation, content="hi") == ACCESS_DENIED


async def test_who_left_cannot_write() -> None:
    """Whatever the wire room says (contract F8)."""
    parts = Parts()
    gone = participant(B, left=True)
    parts.tables.rows[gone.id] = gone
    assert await refusal(parts, B, "send_message", conversationId=ROOM, content="hi") == ACCESS_DENIED


async def test_who_is_removed_while_a_message_is_on_its_way_does_not_get_it() -> None:
    """The members are looked up again at delivery."""
    parts = Parts()
    parts.context.members.hear(hearing=True)
    a, c = listening(parts, A), listening(parts, C)
    parts.door.meanwhile("messages.insert", lambda: parts.context.members.changed(participant(C, left=True)))
    await perform(parts, B, "send_message", conversationId=ROOM, content="hi")
    assert (a.contents, c.contents) == (["hi"], [])


async def test_a_message_is_delivered_though_the_members_became_unknown_meanwhile() -> None:
    """To those known when it was checked: the sender has its answer, there is nobody to report a failure to."""
    parts = Parts()
    a = listening(parts, A)
    parts.door.meanwhile("messages.insert", lambda: parts.context.members.hear(hearing=False))
    await perform(parts, B, "send_message", conversationId=ROOM, content="hi")
    assert a.contents == ["hi"]


@pytest.mark.parametrize("message_type", ["image", "file", "text"])
async def test_a_message_has_a_type(message_type: str) -> None:
    """One of those that the table knows."""
    parts = Parts()
    await perform(parts, B, "send_message", conversationId=ROOM, content="hi", messageType=message_type)
    assert parts.stored()[0].message_type == message_type


@pytest.mark.parametrize("message_type", [None, ""])
async def test_without_a_type_it_is_text(message_type: str | None) -> None:
    """Null and empty are no types."""
    parts = Parts()
    await perform(parts, B, "send_message", conversationId=ROOM, content="hi", messageType=message_type)
    assert parts.stored()[0].message_type == "text"


async def test_nobody_speaks_as_the_bridge() -> None:
    """Its announcements have the type system; whoever could send one could announce what never happened."""
    parts = Parts()
    fault = await refusal(parts, B, "send_message", conversationId=ROOM, content="X was added", messageType="system")
    assert told(fault) == ("INVALID_DATA", "Messages of type system are written by the bridge only")
    assert parts.stored() == []


async def test_a_type_that_the_table_does_not_know_fails_and_leaves_no_trace() -> None:
    """The refusal of the database is passed on; the next message of the conversation is not held up."""
    parts = Parts()
    a = listening(parts, A)
    with pytest.raises(StoreRefused):
        await perform(parts, B, "send_message", conversationId=ROOM, content="hi", messageType="poll")
    await perform(parts, B, "send_message", conversationId=ROOM, content="next")
    assert a.contents == ["next"]
    assert not parts.context.hub._reservations._by_key


async def test_a_write_that_times_out_may_still_be_heard_of() -> None:
    """Nobody knows whether it happened; if the feed shows it, everybody gets it."""
    parts = Parts()
    a = listening(parts, A)
    parts.door.meanwhile("messages.insert", raise_down)
    with pytest.raises(StoreDown):
        await perform(parts, B, "send_message", conversationId=ROOM, content="hi")
    assert a.contents == []
    await parts.relay.catch_up()
    assert a.contents == ["hi"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=50))
async def test_any_name_of_a_message_names_it(client_message_id: str) -> None:
    """The key of the event follows from the row, and the row from the name."""
    parts = Parts()
    payload = {"conversationId": ROOM, "content": "hi", "clientMessageId": client_message_id}
    first = await perform(parts, B, "send_message", **payload)
    second = await perform(parts, B, "send_message", **payload)
    assert first == second
    assert parts.context.hub.has_seen(message_key(MessageId(first["message"]["id"])))
