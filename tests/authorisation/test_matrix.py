"""Every action for every kind of caller: the code it hears, and that nothing of the room reaches who is not in it.

A new action fails here until it has its row, and its request in tests/authorisation/stage.
"""

from __future__ import annotations

import json

import pytest

from bridge.actions import ACTIONS
from tests.authorisation.stage import CALLERS, OUTSIDERS, REQUESTS, SECRET, Stage, calling
from tests.people import ROOM
from tests.world import Client, world

FAULTS = {
    "denied": ("ACCESS_DENIED", "Access denied to conversation"),
    "auth": ("AUTH_REQUIRED", "Authentication required"),
    "unauth": ("UNAUTHORIZED", "Authentication required"),
    "token": ("INVALID_TOKEN", "Invalid or expired token"),
}

MATRIX = """
                        A  B  D  auth-id-row left   removed deleted stranger anonymous expired service anon-key no-row
load_conversations      ok ok ok ok          ok     ok      ok      ok       auth      token   auth    auth     auth
join_conversation       ok ok ok ok          denied denied  denied  denied   auth      token   auth    auth     auth
leave_conversation      ok ok ok ok          ok     ok      ok      ok       auth      token   auth    auth     auth
create_conversation     ok ok ok ok          ok     ok      ok      ok       auth      token   auth    auth     auth
send_message            ok ok ok ok          denied denied  denied  denied   unauth    token   unauth  unauth   unauth
load_messages           ok ok ok ok          denied denied  denied  denied   unauth    token   unauth  unauth   unauth
load_more_messages      ok ok ok ok          denied denied  denied  denied   unauth    token   unauth  unauth   unauth
mark_as_read            ok ok ok ok          denied denied  denied  denied   unauth    token   unauth  unauth   unauth
typing_start            ok ok ok ok          denied denied  denied  denied   unauth    token   unauth  unauth   unauth
typing_stop             ok ok ok ok          denied denied  denied  denied   unauth    token   unauth  unauth   unauth
create_group            ok ok ok ok          ok     ok      ok      ok       auth      token   auth    auth     auth
join_group              ok ok ok ok          ok     ok      ok      ok       auth      token   auth    auth     auth
load_groups             ok ok ok ok          ok     ok      ok      ok       auth      token   auth    auth     auth
load_presence           ok ok ok ok          denied denied  denied  denied   unauth    token   unauth  unauth   unauth
set_presence            ok ok ok ok          ok     ok      ok      ok       unauth    token   unauth  unauth   unauth
load_participants       ok ok ok ok          denied denied  denied  denied   auth      token   auth    auth     auth
add_participants        ok ok ok ok          denied denied  denied  denied   auth      token   auth    auth     auth
search_users            ok ok ok ok          ok     ok      ok      ok       auth      token   auth    auth     auth
load_conversation_timer ok ok ok ok          denied denied  denied  denied   auth      token   auth    auth     auth
set_conversation_timer  ok ok ok ok          denied denied  denied  denied   auth      token   auth    auth     auth
set_own_timer           ok ok ok ok          denied denied  denied  denied   auth      token   auth    auth     auth
load_retention          ok ok ok ok          ok     ok      ok      ok       auth      token   auth    auth     auth
set_retention           ok ok ok ok          ok     ok      ok      ok       auth      token   auth    auth     auth
update_profile          ok ok ok ok          ok     ok      ok      ok       auth      token   auth    auth     auth
"""
"""Codes of contract ws-protocol section 4 (F13: the code of an expired token; F19: two codes for one thing).

Whoever is signed in may ask for its own lists, say how it is, leave what it is not in, make conversations and groups,
join a group whose code it has, look for people, and choose for itself.
"""

_HEADER, *_ROWS = (line.split() for line in MATRIX.strip().splitlines())
TABLE = {action: dict(zip(_HEADER, cells, strict=True)) for action, *cells in _ROWS}


def test_every_action_and_every_caller_is_in_the_table() -> None:
    """Neither more nor less."""
    assert TABLE.keys() == ACTIONS.keys() == REQUESTS.keys()
    assert CALLERS.keys() == set(_HEADER)


@pytest.mark.parametrize("who", CALLERS)
@pytest.mark.parametrize("action", TABLE)
async def test_a_cell(action: str, who: str) -> None:
    """The reply's type or the code; a refusal writes nothing and tells nobody anything."""
    async with world() as w:
        stage = await Stage.of(w)
        asking = await calling(w, who)
        before, heard_by_others = stage.written(), await heard(stage.watcher)
        reply = await asking.ask(action, **stage.request(action))
        expected = TABLE[action][who]
        if expected == "ok":
            assert reply.type == ACTIONS[action].reply
        else:
            assert (reply.code, reply.payload["error"]) == FAULTS[expected]
            assert reply.payload["requestId"] == reply.request_id
            assert stage.written() == before
            assert await heard(stage.watcher) == heard_by_others


@pytest.mark.parametrize("who", OUTSIDERS)
async def test_nothing_is_delivered_to_whoever_is_not_in(who: str) -> None:
    """Neither by a push nor by any answer, whatever it asks for (contract F7, F8, F13)."""
    async with world() as w:
        stage = await Stage.of(w)
        asking = await calling(w, who)
        first = len(asking.frames)
        for action in TABLE:
            await asking.ask(action, **stage.request(action))
        await stage.something_happens()
        assert await heard(asking) == []
        told = json.dumps([frame.payload for frame in asking.frames[first:] if not is_echo(frame.payload)])
        assert SECRET not in told
        assert ROOM not in told
        assert SECRET in await stage.watcher.received()


def is_echo(payload: dict[str, object]) -> bool:
    """Tell whether this is only the id that the caller itself has named."""
    return payload == {"conversationId": ROOM}


async def heard(client: Client) -> list[str]:
    """Return the types of the pushes that a client has got."""
    await client.ask("ping")
    return [frame.type for frame in client.frames if frame.type in {"message_received", "typing_update"}]
