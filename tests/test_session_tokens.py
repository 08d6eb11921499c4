"""A session lasts as long as its token, and is renewed or replaced on the open socket (contract F13)."""

from __future__ import annotations

import pytest

from bridge.errors import StoreDown
from bridge.keyring import Keyring, KeysUnavailable
from tests.parts import LEEWAY_SECONDS
from tests.people import OTHER_ROOM, ROOM, A, B, C, E, X
from tests.tokens import LIFETIME_SECONDS
from tests.world import Client, World, world

END = LIFETIME_SECONDS + LEEWAY_SECONDS
ACTIONS = ("load_conversations", "join_conversation", "leave_conversation", "send_message", "load_messages")


async def both(w: World) -> tuple[Client, Client]:
    """Return a client of B whose token ends first, and one of C whose does not."""
    return await w.signed_in(B), await w.signed_in(C, exp=int(w.clock.now().timestamp()) + 10 * LIFETIME_SECONDS)


async def test_until_its_token_ends_a_session_works() -> None:
    """The leeway included, as when it was verified."""
    async with world() as w:
        b, c = await both(w)
        w.clock.advance(END - 0.001)
        assert (await b.ask("send_message", conversationId=ROOM, content="hi")).type == "message_sent"
        assert await c.received() == await b.received() == ["hi"]


@pytest.mark.parametrize("action", [*ACTIONS, "load_more_messages"])
async def test_after_its_token_ended_every_action_is_refused_as_that(action: str) -> None:
    """With the distinct code and the request id, not as access denied; before the payload is looked at."""
    async with world() as w:
        b, _ = await both(w)
        w.clock.advance(END)
        for payload in ({}, {"conversationId": ROOM, "content": "hi"}):
            refused = await b.ask(action, **payload)
            assert (refused.code, refused.payload["error"]) == ("INVALID_TOKEN", "Invalid or expired token")
        assert w.stored() == []
        assert (await b.ask("ping")).type == "pong"
        assert (await b.ask("user_online")).code == "UNKNOWN_MESSAGE_TYPE"


async def test_after_its_token_ended_nothing_is_pushed() -> None:
    """Whoever lost its right must not go on reading; the others do."""
    async with world() as w:
        b, c = await both(w)
        w.clock.advance(END)
        await c.ask("send_message", conversationId=ROOM, content="hi")
        assert await b.received() == []
        assert await c.received() == ["hi"]


async def test_a_new_token_on_the_open_socket_renews_the_session() -> None:
    """Before or after the end; the rooms stay, and nothing comes twice."""
    async with world() as w:
        b, c = await both(w)
        await b.ask("join_conversation", conversationId=ROOM)
        w.clock.advance(LIFETIME_SECONDS / 2)
        assert (await b.authenticate(B)).type == "auth_success"
        w.clock.advance(END - LIFETIME_SECONDS / 4)
        assert (await b.ask("load_conversations")).type == "conversations_loaded"
        w.clock.advance(END)
        assert (await b.ask("load_conversations")).code == "INVALID_TOKEN"
        assert (await b.authenticate(B)).type == "auth_success"
        await c.ask("send_message", conversationId=ROOM, content="hi")
        assert await b.received() == ["hi"]
        assert b.connection.session is not None
        assert b.connection.session.caller.rooms.latest == ROOM


async def test_a_command_under_way_when_the_token_ends_is_answered() -> None:
    """Never a close in the middle of a send (contract F13)."""
    async with world() as w:
        b, c = await both(w)
        gate = w.door.hold_answer("messages.insert")
        sending = b.send("send_message", conversationId=ROOM, content="hi")
        await gate.reached()
        w.clock.advance(END)
        gate.open()
        assert (await b.reply(sending)).type == "message_sent"
        assert await c.received() == ["hi"]


@pytest.mark.parametrize("claims", [{"role": "anon"}, {"exp": 1}])
async def test_a_failed_renewal_leaves_the_session_as_it_was(claims: dict[str, object]) -> None:
    """Until its own token ends."""
    async with world() as w:
        b, c = await both(w)
        assert (await b.authenticate(B, **claims)).code == "INVALID_TOKEN"
        assert (await b.ask("auth")).code == "MISSING_TOKEN"
        assert (await b.authenticate(E)).code == "USER_NOT_FOUND"
        await c.ask("send_message", conversationId=ROOM, content="hi")
        assert await b.received() == ["hi"]
        assert (await b.ask("load_conversations")).type == "conversations_loaded"


async def test_another_user_on_the_same_socket_replaces_the_first() -> None:
    """One identity for all actions and pushes (contract F6); the first one's rooms are gone."""
    async with world() as w:
        b, a = await w.signed_in(B), await w.signed_in(A)
        await b.ask("join_conversation", conversationId=ROOM)
        assert (await b.authenticate(X)).payload["user"]["id"] == X.user_id
        assert b.connection.session is not None
        assert b.connection.session.caller.rooms.latest is None
        await a.ask("send_message", conversationId=ROOM, content="not for X")
        assert await b.received() == []
        assert (await b.ask("load_messages", conversationId=ROOM)).code == "ACCESS_DENIED"
        assert (await b.ask("send_message", conversationId=OTHER_ROOM, content="hi")).type == "message_sent"
        assert await b.received() == ["hi"]
        assert w.context.hub._receivers.keys() == X.identity.ids | A.identity.ids


async def test_commands_behind_an_authentication_are_those_of_the_new_user() -> None:
    """And those before it, of the old one."""
    async with world() as w:
        client = await w.signed_in(B)
        requests = [
            client.send("load_messages", conversationId=ROOM),
            client.send("auth", token=w.mint.hs256(X.auth_id)),
            client.send("load_messages", conversationId=ROOM),
        ]
        answers = [await client.reply(request) for request in requests]
        assert [answer.type for answer in answers] == ["messages_loaded", "auth_success", "error"]


async def test_no_push_comes_before_the_answer_to_the_authentication() -> None:
    """What is sent while it is pending follows it."""
    async with world() as w:
        b, c = w.client(), await w.signed_in(C)
        gate = w.door.hold_answer("users.by_auth_id")
        asked = b.send("auth", token=w.mint.hs256(B.auth_id))
        await gate.reached()
        await c.ask("send_message", conversationId=ROOM, content="hi")
        gate.open()
        await b.reply(asked)
        assert await b.received() == ["hi"]
        assert [frame.type for frame in b.frames] == ["auth_success", "message_received", "pong"]


async def test_tokens_of_the_projects_own_key_work_too() -> None:
    """ES256, by the published key."""
    async with world() as w:
        client = w.client()
        assert (await client.ask("auth", token=w.mint.es256(B.auth_id))).type == "auth_success"


async def test_an_authentication_that_cannot_be_decided_is_called_so() -> None:
    """The tables or the signing keys do not answer: the token may be good, the client should try again."""
    async with world() as w:
        client = w.client()
        w.tables.failing = StoreDown()
        refused = await client.authenticate(B)
        assert (refused.code, refused.payload["error"]) == ("AUTH_ERROR", "Authentication failed")
        w.tables.failing = None
        w.verifier._keyring = Keyring(_no_keys, w.clock)
        assert (await client.ask("auth", token=w.mint.es256(B.auth_id))).code == "AUTH_ERROR"
        w.verifier._secret = None
        unseen = await client.authenticate(B, email="b@example.org")
        assert unseen.code == "CONFIG_ERROR"


async def _no_keys() -> bytes:
    raise KeysUnavailable
