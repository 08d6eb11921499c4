"""What a real database answers in races only, put on stage by a transport that answers as told."""

from __future__ import annotations

import json

import httpx
import pytest

from bridge.errors import StoreDown
from bridge.store.supabase import SupabaseStore
from bridge.store.supabase.conversations import ATTEMPTS_TO_INSERT
from bridge.tables import ConversationRecord
from tests.contract.creating import new_conversation
from tests.contract.groups import new_group
from tests.people import B

Row = dict[str, object]

NEW = new_conversation(B.user)
WRITTEN: Row = {
    **dict.fromkeys(ConversationRecord.__struct_fields__),
    "id": NEW.id,
    "type": "room",
    "disappearing_messages_enabled": False,
}


class Stage:
    """A store whose database gives these answers, one after the other, and then empty ones."""

    def __init__(self, *answers: list[Row]) -> None:
        self.methods: list[str] = []
        self._answers = list(answers)
        http = httpx.AsyncClient(transport=httpx.MockTransport(self._answer))
        self.store = SupabaseStore(url="http://127.0.0.1:9", key="sb_secret_any", http=http)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.methods.append(request.method)
        return httpx.Response(200, content=json.dumps(self._answers.pop(0) if self._answers else []))


async def test_a_row_that_is_withdrawn_between_seeing_and_touching_it_is_written() -> None:
    """The insert was ignored, the touch found nothing: the other one gave up, so it is inserted again."""
    stage = Stage([], [], [WRITTEN])
    assert (await stage.store.conversations.insert(NEW)).id == NEW.id
    assert stage.methods == ["POST", "PATCH", "POST"]


async def test_an_insert_that_is_ignored_for_ever_ends() -> None:
    """Whatever the reason: nobody knows, so the database counts as down."""
    stage = Stage()
    with pytest.raises(StoreDown):
        await stage.store.conversations.insert(NEW)
    assert stage.methods == ["POST", "PATCH"] * ATTEMPTS_TO_INSERT


async def test_a_group_of_which_nothing_is_answered_is_not_made() -> None:
    """The action undoes it."""
    with pytest.raises(StoreDown):
        await Stage().store.groups.insert(new_group(B.user))
