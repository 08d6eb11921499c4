"""Sending sealed copies: each recipient gets its own, in every frame (contract ws-protocol section 11, rule 8)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from bridge.actions import ACTIONS
from bridge.actions.recipients import MAX_RECIPIENTS
from bridge.errors import ActionError, StoreDown, StoreRefused
from bridge.feed.changes import MessageInserted, MessageRowDeleted
from bridge.models import Message
from tests.actions.performing import contents, perform, refusal
from tests.parts import Parts
from tests.people import EVERY_KIND, ROOM, A, B, C, D, Person, X, message, message_id, uuid_of
from tests.receivers import Receiver

MALFORMED = (
    "INVALID_ENCRYPTED_CONTENTS",
    "encryptedContents must be an object with user_id -> encrypted_content mappings",
)
COPIES_FAILED = ("DATABASE_ERROR", "Failed to create encrypted message copies")


class Sealing(Parts):
    """Tables of DB-3, with listeners."""

    def __init__(self) -> None:
        super().__init__()
        self.tables.can_seal = True

    def listening(self, *people: Person) -> list[Receiver]:
        """Return receivers of these people's pushes."""
        receivers = [Receiver(person) for person in people]
        for receiver in receivers:
            self.context.hub.attach(receiver)
        return receivers

    def rows(self) -> tuple[object, object]:
        """Return what the tables hold."""
        return list(self.tables.messages_by_id.values()), dict(self.tables.sealed)


def copies_for(*people: Person) -> dict[str, str]:
    """Return what W3 sends: a copy for each person, by its users.id."""
    return {person.user_id: f"sealed for {person.name}" for person in people}


def pushed(receiver: Receiver) -> dict[str, Any]:
    """Return the message of the only push."""
    (frame,) = receiver.frames
    shown: dict[str, Any] = json.loads(frame)["payload"]["message"]
    return shown


@pytest.mark.parametrize("sender", EVERY_KIND, ids=lambda person: person.name)
async def test_each_recipient_is_pushed_its_own_copy(sender: Person) -> None:
    """The sender gets its own in the answer; nothing says "reload"."""
    s = Sealing()
    receivers = s.listening(A, B, C, D, X)
    sent = await perform(
        s, sender, "send_message", conversationId=ROOM, encryptedContents=copies_for(A, B, D), messageType="text"
    )
    assert sent["message"]["encrypted_content"] == f"sealed for {sender.name}"
    assert sent["message"]["content_state"] == "sealed"
    shown = [pushed(receiver) for receiver in receivers[:4]]
    assert [one["encrypted_content"] for one in shown] == ["sealed for A", "sealed for B", "", "sealed for D"]
    assert [one["content_state"] for one in shown] == ["sealed", "sealed", "unavailable", "sealed"]
    assert receivers[4].frames == []


async def test_loads_show_the_same_copies() -> None:
    """The page and the list, to each its own."""
    s = Sealing()
    await perform(s, A, "send_message", conversationId=ROOM, encryptedContents=copies_for(A, B))
    for person, text in ((A, "sealed for A"), (B, "sealed for B"), (C, "")):
        assert contents(await perform(s, person, "load_messages", conversationId=ROOM)) == [text]
        listed = (await perform(s, person, "load_conversations"))["conversations"]
        assert [one["last_message_content"] for one in listed if one["id"] == ROOM] == [text]


async def test_ids_of_either_kind_name_a_recipient() -> None:
    """Payloads may hold auth ids (contract ws-protocol section 11, rule 7), in any case of letters."""
    s = Sealing()
    (b,) = s.listening(B)
    await perform(s, A, "send_message", conversationId=ROOM, encryptedContents={B.auth_id.upper(): "by auth id"})
    assert pushed(b)["encrypted_content"] == "by auth id"
    assert [set(copies) for copies in s.tables.sealed.values()] == [{B.user_id}]


async def test_copies_for_others_than_members_are_left_out() -> None:
    """Somebody who has left since the sender looked; somebody unknown."""
    s = Sealing()
    stranger_ids = {X.user_id: "for x", uuid_of(0xBAD, 1): "for nobody"}
    await perform(s, A, "send_message", conversationId=ROOM, encryptedContents=copies_for(B) | stranger_ids)
    assert [set(copies) for copies in s.tables.sealed.values()] == [{B.user_id}]
    assert await refusal(s, A, "send_message", conversationId=ROOM, encryptedContents=stranger_ids) == MALFORMED


@pytest.mark.parametrize(
    "sealed",
    [{}, [], "text", 1, True, {"not an id": "x"}, {A.user_id: 1}, {A.user_id: None}, {A.user_id: ""}, {A.user_id: {}}],
    ids=repr,
)
async def test_anything_else_is_refused(sealed: object) -> None:
    """With the wire's own code, and nothing is written."""
    s = Sealing()
    assert await refusal(s, A, "send_message", conversationId=ROOM, encryptedContents=sealed) == MALFORMED
    assert s.rows() == ([], {})


async def test_too_many_copies_are_refused() -> None:
    """As many as a conversation can be made with."""
    s = Sealing()
    sealed = {uuid_of(0xBAD, number): "x" for number in range(MAX_RECIPIENTS + 1)}
    assert await refusal(s, A, "send_message", conversationId=ROOM, encryptedContents=sealed) == MALFORMED


async def test_the_conversation_has_to_be_named_and_ones_own() -> None:
    """In the words of the sealing clients."""
    s = Sealing()
    assert await refusal(s, A, "send_message", encryptedContents=copies_for(A)) == (
        "MISSING_REQUIRED_FIELDS",
        "Conversation ID and encrypted contents are required",
    )
    denied = await refusal(s, X, "send_message", conversationId=ROOM, encryptedContents=copies_for(A))
    assert denied.code == "ACCESS_DENIED"


async def test_plain_content_beside_copies_is_not_written() -> None:
    """Whoever seals does not want it in the tables."""
    s = Sealing()
    await perform(s, A, "send_message", conversationId=ROOM, content="secret", encryptedContents=copies_for(A))
    assert "secret" not in repr(s.rows())


async def test_where_nothing_can_be_sealed_nothing_is_written() -> None:
    """DB-1 and DB-2 have no place for copies."""
    s = Sealing()
    s.tables.can_seal = False
    assert await refusal(s, A, "send_message", conversationId=ROOM, encryptedContents=copies_for(A)) == COPIES_FAILED
    assert s.rows() == ([], {})


@pytest.mark.parametrize("failure", [StoreDown("no answer"), StoreRefused("23514")], ids=["down", "refused"])
async def test_a_message_whose_copies_fail_is_withdrawn(failure: Exception) -> None:
    """Whether they were refused or nobody knows; the next send is as good as new (contract F49)."""
    s = Sealing()
    (b,) = s.listening(B)
    s.door.fail_next("copies.seal", failure)
    request = {"conversationId": ROOM, "encryptedContents": copies_for(A, B), "clientMessageId": "1"}
    assert await refusal(s, A, "send_message", **request) == COPIES_FAILED
    assert s.rows() == ([], {})
    assert b.frames == []
    await perform(s, A, "send_message", **request)
    assert pushed(b)["encrypted_content"] == "sealed for B"


@pytest.mark.parametrize("step", ["messages.insert", "copies.seal"])
async def test_a_step_whose_answer_is_lost_is_undone(step: str) -> None:
    """It was carried out and nobody knows: row and copies are as before, and the next attempt works (contract F49)."""
    s = Sealing()
    (b,) = s.listening(B)
    s.door.meanwhile(step, raise_down)
    request = Raw(json.dumps({"conversationId": ROOM, "encryptedContents": copies_for(A, B)}).encode())
    with pytest.raises((ActionError, StoreDown)):
        await ACTIONS["send_message"].perform(request, s.caller(A), s.context)
    assert s.rows() == ([], {})
    assert b.frames == []
    await perform(s, A, "send_message", conversationId=ROOM, encryptedContents=copies_for(A, B))
    assert pushed(b)["encrypted_content"] == "sealed for B"


async def test_what_is_withdrawn_is_told_to_nobody_though_the_feed_told_of_it() -> None:
    """The copies were written, and their answer was lost: the echo is of a message that is gone."""
    s = Sealing()
    (b,) = s.listening(B)
    told: list[Message] = []

    async def tell_and_lose_the_answer() -> None:
        told.extend(s.tables.messages_by_id.values())
        await s.relay.handle(MessageInserted(told[0]))
        raise_down()

    s.door._after["copies.seal"].append(tell_and_lose_the_answer)
    request = {"conversationId": ROOM, "encryptedContents": copies_for(A, B), "clientMessageId": "1"}
    assert await refusal(s, A, "send_message", **request) == COPIES_FAILED
    assert s.rows() == ([], {})
    assert b.frames == []
    s.context.message_states.place(told[0].id, ROOM)
    await s.relay.handle(MessageRowDeleted(told[0].id))
    s.clock.advance(1)
    await perform(s, A, "send_message", **request)
    assert pushed(b)["encrypted_content"] == "sealed for B"


def raise_down() -> None:
    """Lose the answer."""
    raise StoreDown("no answer")


async def test_a_repeat_that_fails_takes_nothing_away() -> None:
    """The first attempt has been answered, perhaps unheard."""
    s = Sealing()
    request = {"conversationId": ROOM, "encryptedContents": copies_for(A, B), "clientMessageId": "1"}
    await perform(s, A, "send_message", **request)
    before = s.rows()
    s.clock.advance(1)
    s.door.fail_next("copies.seal", StoreDown("no answer"))
    assert await refusal(s, A, "send_message", **request) == COPIES_FAILED
    assert s.rows() == before


async def test_a_repeat_that_was_sealed_anew_is_answered_with_what_is_stored() -> None:
    """Sealing twice gives two texts; only the first is in the tables, and only that is shown to anybody."""
    s = Sealing()
    request = {"conversationId": ROOM, "encryptedContents": copies_for(A, B), "clientMessageId": "1"}
    first = await perform(s, A, "send_message", **request)
    before = s.rows()
    s.clock.advance(1)
    (b,) = s.listening(B)
    anew = {**request, "encryptedContents": {A.user_id: "sealed anew", B.user_id: "sealed anew", C.user_id: "for C"}}
    assert await perform(s, A, "send_message", **anew) == first
    assert "sealed anew" not in "".join(b.frames)
    assert s.rows()[0] == before[0]
    assert "sealed anew" not in repr(s.rows())


async def test_a_repeat_that_seals_what_was_plain_is_refused() -> None:
    """And the plain message gets no copies by it."""
    s = Sealing()
    request = {"conversationId": ROOM, "clientMessageId": "1"}
    await perform(s, A, "send_message", **request, content="hi")
    before = s.rows()
    fault = await refusal(s, A, "send_message", **request, encryptedContents=copies_for(A, B))
    assert fault.text == "Failed to send message"
    assert s.rows() == before


async def test_a_reply_to_a_sealed_message_quotes_each_readers_copy() -> None:
    """The reply itself may be plain."""
    s = Sealing()
    first = await perform(s, A, "send_message", conversationId=ROOM, encryptedContents=copies_for(A, B))
    b, c = s.listening(B, C)
    sent = await perform(
        s, A, "send_message", conversationId=ROOM, content="see above", replyToId=first["message"]["id"]
    )
    quotes = [shown["reply_to"] for shown in (sent["message"], pushed(b), pushed(c))]
    assert [quote["encrypted_content"] for quote in quotes] == ["sealed for A", "sealed for B", ""]
    assert [quote["content_state"] for quote in quotes] == ["sealed", "sealed", "unavailable"]


async def test_the_cache_of_originals_keeps_nobodys_copy() -> None:
    """What a page showed to one reader is not quoted to another."""
    s = Sealing()
    first = await perform(s, A, "send_message", conversationId=ROOM, encryptedContents=copies_for(A, B))
    await perform(s, B, "load_messages", conversationId=ROOM)
    (c,) = s.listening(C)
    await perform(s, A, "send_message", conversationId=ROOM, content="see", replyToId=first["message"]["id"])
    assert "sealed for" not in c.frames[0]


async def test_plain_rows_say_nothing_of_sealing() -> None:
    """Nor of columns that this database lacks."""
    s = Sealing()
    s.legacy_insert(message(1))
    (shown,) = (await perform(s, A, "load_messages", conversationId=ROOM))["messages"]
    assert shown["id"] == message_id(1)
    assert not shown.keys() & {"content_state", "content_type", "has_attachments"}
