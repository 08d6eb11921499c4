"""Sending without a terminal and without a wire: what is typed, what is confirmed, what failed."""

from __future__ import annotations

from bridge.chat.effects import Quit, Send
from bridge.chat.lines import text_of
from bridge.chat.outgoing import MAX_CHARACTERS, MAX_UNSENT
from tests.chat.chats import TWO, online_chat, open_chat
from tests.chat.rows import message, reply_to, shown


def test_a_message_sent_to_a_conversation_that_is_gone_is_still_confirmed() -> None:
    """Leaving a conversation elsewhere does not hide that something was written."""
    ready = open_chat()
    (send,) = ready.typed("hi")
    assert isinstance(send, Send)
    ready.typed("/open 2")
    ready.listed([TWO[1]])
    assert shown(ready.sent(send, message(3, sender="bob"))) == ["· sent to (unknown)"]


def test_typing_sends_to_the_open_conversation() -> None:
    """A line becomes a send with a key of its own, and is shown once, when it is written."""
    ready = open_chat()
    (send,) = ready.typed("hi there")
    assert send == Send("key0", "c1", "hi there")
    mine = message(3, content="hi there", sender="bob")
    assert shown(ready.sent(send, mine)) == ["#3   10:03 Bob: hi there"]
    assert ready.arrived(mine) == []


def test_the_push_may_come_before_the_reply() -> None:
    """Whichever way one's own message comes first shows it; the other shows nothing."""
    ready = open_chat()
    (send,) = ready.typed("hi")
    assert isinstance(send, Send)
    mine = message(3, content="hi", sender="bob")
    assert len(shown(ready.arrived(mine))) == 1
    assert ready.sent(send, mine) == []


def test_without_an_open_conversation_nothing_is_sent() -> None:
    """What is typed too early is explained, not lost silently."""
    assert shown(online_chat().typed("hi")) == ["! Open a conversation first: /open N. /list shows yours."]
    assert shown(online_chat().typed("/more")) == ["! Open a conversation first: /open N. /list shows yours."]


def test_a_reply_names_the_message_shown_under_the_number() -> None:
    """/reply sends the id of the numbered message; a reply is shown under the beginning of its original."""
    ready = open_chat()
    (send,) = ready.typed("/reply 2 me too")
    assert send == Send("key0", "c1", "me too", "m2")
    answer = reply_to(message(2, content="second " * 20), message(3, content="me too", sender="bob"))
    assert shown(ready.arrived(answer)) == [
        "         ╭ Alice: second second second second second seco…",
        "#3   10:03 Bob: me too",
    ]
    assert shown(ready.typed("/reply 77 x")) == ["! There is no message #77 in the open conversation."]


def test_a_failed_send_can_be_tried_again_under_the_same_key() -> None:
    """What was refused or not answered is kept; /retry sends it again as the same message."""
    ready = open_chat()
    (send,) = ready.typed("important")
    assert isinstance(send, Send)
    assert shown(ready.not_sent(send, "no answer to send_message within 30 seconds")) == [
        "! Not sent: important",
        "! No answer to send_message within 30 seconds. /retry tries again.",
    ]
    assert ready.typed("/retry") == [send]
    ready.sent(send, message(3, content="important", sender="bob"))
    assert shown(ready.typed("/retry")) == ["· Nothing failed."]
    assert ready.leave() == [Quit(0)]


def test_leaving_with_unsent_messages_says_so() -> None:
    """The exit status tells scripts, the sentence tells people."""
    ready = open_chat()
    ready.typed("one")
    end = ready.typed("/quit")
    assert shown(end) == ["! Not confirmed by the server: 1 of your messages."]
    assert isinstance(end[0], Quit)
    assert end[0].status == 1


def test_what_is_sent_is_bounded() -> None:
    """Neither endless waiting messages nor an endless message are taken, and both are said."""
    ready = open_chat()
    assert "characters" in shown(ready.typed("x" * (MAX_CHARACTERS + 1)))[0]
    for _ in range(MAX_UNSENT):
        ready.typed("x")
    assert shown(ready.typed("x")) == ["! Already 100 messages wait to be sent; this one was not taken."]
    assert "100 waiting to be sent" in text_of(ready.toolbar(0))


def test_a_message_sent_before_changing_over_is_confirmed() -> None:
    """A send that is confirmed after another conversation was opened is said in a line."""
    ready = open_chat()
    (send,) = ready.typed("hi")
    assert isinstance(send, Send)
    ready.typed("/open 2")
    assert shown(ready.sent(send, message(3, sender="bob"))) == ["· sent to Weekend"]
