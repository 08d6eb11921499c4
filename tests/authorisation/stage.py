"""A conversation with messages and onlookers, the kinds of callers, and a good request of every action."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from typing import Any

from msgspec.structs import replace

from bridge.feed.changes import ParticipantChanged, ParticipantDeleted
from bridge.models import ParticipantId, UserId
from bridge.protocol import LISTED_TYPES
from tests.people import BIRTH, OTHER_ROOM, ROOM, A, B, C, D, E, F, Person, X, message, message_id, participant
from tests.tokens import LIFETIME_SECONDS
from tests.world import Client, World

SECRET = "what only members may read"
OWN, OTHERS, FOREIGN = message_id(1), message_id(2), message_id(3)
"""B's message in the room, C's there, and X's elsewhere."""

Request = dict[str, Any]
CODE = "THE CODE OF THE GROUP"
"""In a request: replaced by the code of a group that is there."""

REQUESTS: dict[str, Request] = {
    "load_conversations": {},
    "join_conversation": {"conversationId": ROOM},
    "leave_conversation": {"conversationId": ROOM},
    "create_conversation": {"participantIds": [F.user_id]},
    "send_message": {"conversationId": ROOM, "content": "hello", "replyToId": OTHERS},
    "load_messages": {"conversationId": ROOM},
    "load_more_messages": {"conversationId": ROOM, "beforeMessageId": OTHERS},
    "mark_as_read": {"conversationId": ROOM, "messageIds": [OWN, OTHERS]},
    "typing_start": {"conversationId": ROOM},
    "typing_stop": {"conversationId": ROOM},
    "create_group": {"name": "Chess"},
    "join_group": {"inviteCode": CODE},
    "load_groups": {},
    "load_presence": {"conversationId": ROOM},
    "set_presence": {"status": "busy"},
    "load_participants": {"conversationId": ROOM},
    "add_participants": {"conversationId": ROOM, "userIds": [F.user_id]},
    "search_users": {"query": X.user.username},
    "load_conversation_timer": {"conversationId": ROOM},
    "set_conversation_timer": {"conversationId": ROOM, "enabled": True, "durationDays": 7},
    "set_own_timer": {"conversationId": ROOM, "disappearSeconds": 60},
    "load_retention": {},
    "set_retention": {"days": 7},
    "update_profile": {"bio": "At sea"},
}
"""What a member may ask for."""

IN_A_CONVERSATION = sorted(name for name, request in REQUESTS.items() if "conversationId" in request)


class Stage:
    """What is there before anybody asks."""

    def __init__(self, world: World, watcher: Client, invite_code: str) -> None:
        self.world = world
        self.watcher = watcher
        self._invite_code = invite_code

    @classmethod
    async def of(cls, world: World) -> Stage:
        """Write messages, let A look at the room, and F own a group; the table has a place for everything."""
        world.tables.has_own_timers = True
        world.legacy_insert(message(1, B, content=SECRET))
        world.legacy_insert(message(2, C, content=SECRET))
        world.legacy_insert(message(3, X, conversation=OTHER_ROOM, content="elsewhere"))
        watcher = await world.signed_in(A)
        await watcher.ask("join_conversation", conversationId=ROOM)
        made = await (await world.signed_in(F)).ask("create_group", name="Owned by F")
        return cls(world, watcher, made.payload["invite_code"])

    def request(self, action: str) -> Request:
        """Return a good request."""
        return {name: self._invite_code if value == CODE else value for name, value in REQUESTS[action].items()}

    def written(self) -> tuple[object, ...]:
        """Return a copy of whatever an action could have written."""
        tables = self.world.tables
        chosen = (dict(tables.own_timers), dict(tables.retention_days), copy.deepcopy(tables.profile_texts))
        return (*tables.contents(), dict(tables.messages_by_id), set(tables.read), dict(tables.sealed), *chosen)

    async def something_happens(self) -> None:
        """Let A, whose token is fresh, type and send in the room, for everybody who may know."""
        await self.watcher.authenticate(A)
        await self.watcher.ask("typing_start", conversationId=ROOM)
        await self.watcher.ask("send_message", conversationId=ROOM, content=SECRET)


async def member(world: World, person: Person) -> Client:
    """Sign a member in, D by its phone."""
    return await world.signed_in(person, phone=person.phone)


async def auth_id_row(world: World) -> Client:
    """Sign X in, whose only participant row holds its auth id (contract data-model section 6, rule 3)."""
    world.tables.add_participant(ROOM, UserId(X.auth_id))
    world.context.members.hear(hearing=True)  # it was there before anybody asked
    return await world.signed_in(X)


async def left(world: World) -> Client:
    """Sign C in, who left long ago."""
    gone = participant(C, left=True)
    world.tables.rows[gone.id] = gone
    world.context.members.hear(hearing=True)  # nobody remembers it as a member
    return await world.signed_in(C)


async def at_home(world: World) -> Client:
    """Sign C in and let it do what members do, so that whatever remembers members knows it as one."""
    world.context.members.hear(hearing=True)
    c = await world.signed_in(C)
    for action in ("join_conversation", "typing_start", "load_messages"):
        assert (await c.ask(action, conversationId=ROOM)).type != "error"
    await c.ask("typing_stop", conversationId=ROOM)
    return c


async def removed(world: World) -> Client:
    """Set left_at of C while its socket is open."""
    c = await at_home(world)
    row = replace(world.tables.rows[participant(C).id], left_at=BIRTH)
    world.tables.rows[row.id] = row
    await world.relay.handle(ParticipantChanged(row))
    return c


async def deleted(world: World) -> Client:
    """Delete C's row while its socket is open; the feed tells the primary key only."""
    c = await at_home(world)
    row_id: ParticipantId = participant(C).id
    del world.tables.rows[row_id]
    await world.relay.handle(ParticipantDeleted(row_id))
    return c


async def expired(world: World) -> Client:
    """Let the token of B, a member, run out while its socket is open."""
    b = await world.signed_in(B)
    await b.ask("join_conversation", conversationId=ROOM)
    world.clock.advance(LIFETIME_SECONDS + 60)
    return b


async def refused(world: World, person: Person, **claims: object) -> Client:
    """Try to sign in with a token that is none of a user."""
    client = world.client()
    assert (await client.authenticate(person, **claims)).type == "error"
    return client


async def anonymous(world: World) -> Client:
    """Open a connection and say nothing."""
    return world.client()


async def calling(world: World, who: str) -> Client:
    """Return a client of this kind of caller, which takes frames of types that old clients do not know, too."""
    client = await CALLERS[who](world)
    client.also = LISTED_TYPES
    return client


CALLERS: dict[str, Callable[[World], Awaitable[Client]]] = {
    "A": lambda world: member(world, A),
    "B": lambda world: member(world, B),
    "D": lambda world: member(world, D),
    "auth-id-row": auth_id_row,
    "left": left,
    "removed": removed,
    "deleted": deleted,
    "stranger": lambda world: world.signed_in(X),
    "anonymous": anonymous,
    "expired": expired,
    "service": lambda world: refused(world, B, role="service_role"),
    "anon-key": lambda world: refused(world, B, role="anon"),
    "no-row": lambda world: refused(world, E),
}
OUTSIDERS = [name for name in CALLERS if name not in {"A", "B", "D", "auth-id-row"}]
"""Everybody who must learn nothing of the room."""
