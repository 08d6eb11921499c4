"""Each recipient sees its own sealed copy, and nobody another's."""

from __future__ import annotations

from msgspec.structs import replace

from bridge.content import NOTHING
from bridge.events import MessageSent, is_personal
from bridge.models import ContentState, Message, Quote, UserId
from bridge.sealed import lacking, opened, own_copy
from tests.people import ROOM, A, B, C, message, message_id

CLOSED = replace(message(1), content=NOTHING.text, state=NOTHING.state)
QUOTE = Quote(id=message_id(9), conversation_id=ROOM, sender_id=A.user_id, content="", state=ContentState.UNAVAILABLE)
COPIES = {message_id(1): {A.user_id: "for a", B.user_id: "for b"}, message_id(9): {A.user_id: "quote for a"}}


def test_a_plain_message_lacks_nothing() -> None:
    """And is the same for everybody."""
    assert lacking(message(1)) == []
    assert opened(message(1), COPIES, A.identity).content == "legacy 1"
    assert not is_personal(MessageSent(message=message(1)))


def test_a_recipient_sees_its_own_copy() -> None:
    """And somebody without one sees that there is nothing to see."""
    seen = [opened(CLOSED, COPIES, person.identity) for person in (A, B, C)]
    assert [(one.content, one.state) for one in seen] == [
        ("for a", ContentState.SEALED),
        ("for b", ContentState.SEALED),
        ("", ContentState.UNAVAILABLE),
    ]


def test_the_original_of_a_reply_is_opened_too() -> None:
    """Whether or not the reply itself is sealed."""
    for reply in (replace(CLOSED, reply_to=QUOTE), replace(message(1), reply_to=QUOTE)):
        assert QUOTE.id in lacking(reply)
        by_viewer = [opened(reply, COPIES, person.identity).reply_to for person in (A, B)]
        assert [(one.content, one.state) for one in by_viewer if one] == [
            ("quote for a", ContentState.SEALED),
            ("", ContentState.UNAVAILABLE),
        ]


def test_a_plain_original_stays_as_it_is() -> None:
    """Under a sealed reply."""
    plain = replace(QUOTE, content="said", state=ContentState.PLAIN)
    whole = opened(replace(CLOSED, reply_to=plain), COPIES, A.identity)
    assert (whole.content, whole.reply_to) == ("for a", plain)


def test_a_copy_may_name_its_recipient_by_the_auth_id() -> None:
    """Some tables mix them (contract data-model section 6)."""
    assert own_copy({UserId(B.auth_id): "mine"}, B.identity) == "mine"
    assert own_copy({}, B.identity) is None


def test_an_event_is_seen_by_each_as_its_own() -> None:
    """And it stays the same event."""
    event = MessageSent(message=CLOSED, copies=COPIES)
    seen: Message = event.seen_by(B.identity).message
    assert is_personal(event)
    assert (seen.content, event.seen_by(B.identity).key) == ("for b", event.key)
