"""What happens between a message's write and its delivery."""

from __future__ import annotations

import pytest

from tests.actions.performing import listening, perform
from tests.parts import Parts
from tests.people import ROOM, A, B


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
