"""A connection before it is a session: nothing works but ping, until a good token comes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from bridge.errors import CloseCode
from tests.people import ROOM, A, B, D, E, F, Person
from tests.tokens import ABSENT
from tests.virtual_time import idle, in_virtual_time
from tests.world import LIMITS, world

NEEDING_A_SESSION = {
    "load_conversations": "AUTH_REQUIRED",
    "join_conversation": "AUTH_REQUIRED",
    "leave_conversation": "AUTH_REQUIRED",
    "send_message": "UNAUTHORIZED",
    "load_messages": "UNAUTHORIZED",
    "load_more_messages": "UNAUTHORIZED",
}


@pytest.mark.parametrize("person", [A, B, F], ids=lambda person: person.name)
async def test_a_user_authenticates_with_its_token(person: Person) -> None:
    """And is told who it is (contract ws-protocol section 4)."""
    async with world() as w:
        reply = await w.client().authenticate(person, email="x@example.org")
        assert (reply.type, reply.payload) == (
            "auth_success",
            {
                "user": {
                    "id": person.user_id,
                    "auth_user_id": person.auth_id,
                    "email": "x@example.org",
                    "phone": person.phone,
                    "username": person.name.lower(),
                    "display_name": f"Person {person.name}",
                },
                "capabilities": [],
                "cursor": reply.payload["cursor"],
                "resumed": False,
            },
        )
        assert UUID(reply.payload["cursor"]).version == 8


async def test_a_user_known_by_phone_only_authenticates_with_it() -> None:
    """D, whose row has no auth id; everything works for it as for others (contract F1, F4)."""
    async with world() as w:
        d, a = w.client(), await w.signed_in(A)
        reply = await d.authenticate(D, phone=D.phone.removeprefix("+"))
        assert (reply.type, reply.payload["user"]["auth_user_id"]) == ("auth_success", D.auth_id)
        await a.ask("send_message", conversationId=ROOM, content="hi")
        assert await d.received() == ["hi"]
        assert (await d.ask("send_message", conversationId=ROOM, content="hi yourself")).type == "message_sent"
        assert await a.received() == ["hi", "hi yourself"]


async def test_a_token_without_user_is_refused() -> None:
    """E; and D where the phone is not looked at."""
    async with world() as w:
        assert (await w.client().authenticate(E)).code == "USER_NOT_FOUND"
        without_phone = w.client(limits=replace(LIMITS, phone_identity=False))
        assert (await without_phone.authenticate(D, phone=D.phone)).code == "USER_NOT_FOUND"


@pytest.mark.parametrize("payload", [{}, {"token": None}, {"token": ""}, {"token": 5}, {"token": ["t"]}])
async def test_a_token_is_required(payload: dict[str, object]) -> None:
    """Its absence has a code of its own."""
    async with world() as w:
        refused = await w.client().ask("auth", **payload)
        assert (refused.code, refused.payload["error"]) == ("MISSING_TOKEN", "Authentication token is required")


@pytest.mark.parametrize(
    "claims", [{"role": "anon"}, {"role": "service_role"}, {"aud": "x"}, {"iat": ABSENT}, {"exp": 1}]
)
async def test_a_bad_token_is_refused_and_may_be_followed_by_a_good_one(claims: dict[str, object]) -> None:
    """The connection stays open (contract ws-protocol section 4, F12)."""
    async with world() as w:
        client = w.client()
        refused = await client.authenticate(B, **claims)
        assert (refused.code, refused.payload["error"]) == ("INVALID_TOKEN", "Invalid or expired token")
        assert (await client.ask("load_conversations")).code == "AUTH_REQUIRED"
        assert (await client.authenticate(B)).type == "auth_success"
        assert (await client.ask("load_conversations")).type == "conversations_loaded"


@pytest.mark.parametrize("action", sorted(NEEDING_A_SESSION))
async def test_without_authentication_nothing_works_but_ping(action: str) -> None:
    """Each action with its own of the two codes (contract F19), before its payload is looked at."""
    async with world() as w:
        client = w.client()
        for payload in ({}, {"conversationId": ROOM, "content": "hi"}):
            refused = await client.ask(action, **payload)
            assert (refused.code, refused.payload["error"]) == (NEEDING_A_SESSION[action], "Authentication required")
        assert (await client.ask("ping")).type == "pong"
        assert w.tables.asked == []


async def test_no_push_reaches_who_is_not_authenticated() -> None:
    """Nor after the attempt failed."""
    async with world() as w:
        b, nobody = await w.signed_in(B), w.client()
        await nobody.authenticate(E)
        await b.ask("send_message", conversationId=ROOM, content="hi")
        assert await nobody.pushed() == []


@in_virtual_time
async def test_who_does_not_authenticate_in_time_is_disconnected() -> None:
    """Generously, for W3 fetches keys first; pings and failed attempts do not count."""
    async with world() as w:
        client = w.client(deadline=True)
        await asyncio.sleep(LIMITS.auth_deadline_seconds - 1)
        await client.ask("ping")
        await client.authenticate(E)
        await idle()
        assert not client.outbox.is_closing
        await asyncio.sleep(1.1)
        assert (await client.disconnected()).code is CloseCode.NOT_AUTHENTICATED_IN_TIME


@in_virtual_time
async def test_who_authenticated_in_time_stays() -> None:
    """However long."""
    async with world() as w:
        client = w.client(deadline=True)
        await client.authenticate(B)
        await asyncio.sleep(10 * LIMITS.auth_deadline_seconds)
        assert not client.outbox.is_closing
