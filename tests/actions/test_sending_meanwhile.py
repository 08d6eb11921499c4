"""What happens between a message's write and its delivery."""

from __future__ import annotations

import pytest

from bridge.errors import StoreDown
from tests.actions.performing import listening, perform
from tests.parts import Parts
from tests.people import ROOM, A, B, X


async def test_whatever_goes_wrong_after_a_write_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place in line is given up; what was written is told by its echo."""
    parts = Parts()
    a = listening(parts, A)
    monkeypatch.setattr(parts.context.quotes, "remember", _raise_unforeseen)
    with pytest.raises(ZeroDivisionError):
        await perform(parts, B, "send_message", conversationId=ROOM, content="hi")
    monkeypatch.undo()
    await perform(parts, B, "send_message", conversationId=ROOM, content="next")
    await parts.relay.catch_up()
    assert a.contents == ["next", "hi"]


def _raise_unforeseen(_: object) -> None:
    raise ZeroDivisionError


async def test_who_comes_in_while_a_message_is_on_its_way_gets_it() -> None:
    """What they loaded was read before it was written; our own adding makes the members unknown."""
    parts = Parts()
    x = listening(parts, X)

    def let_in() -> None:
        parts.tables.add_participant(ROOM, X.user_id)
        parts.context.members.forget(ROOM)

    parts.door.meanwhile("messages.insert", let_in)
    await perform(parts, B, "send_message", conversationId=ROOM, content="hi")
    assert x.contents == ["hi"]


async def test_a_message_is_delivered_though_nobody_can_say_who_the_members_are_now() -> None:
    """To those known when it was checked: the sender has its answer, there is nobody to report a failure to."""
    parts = Parts()
    a = listening(parts, A)

    def forget() -> None:
        parts.context.members.hear(hearing=False)
        parts.door.fail_next("conversations.participants", StoreDown("reset"))

    parts.door.meanwhile("messages.insert", forget)
    await perform(parts, B, "send_message", conversationId=ROOM, content="hi")
    assert a.contents == ["hi"]
