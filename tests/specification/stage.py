"""Where the examples are played: bob and carol of the sandbox, their conversation and their groups, in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from bridge.capabilities import Capability
from bridge.models import (
    AuthId,
    ConversationId,
    Group,
    GroupId,
    GroupMembership,
    Message,
    MessageId,
    User,
    UserId,
)
from bridge.paths import Stage as RolloutStage
from bridge.protocol import LISTED_TYPES
from bridge.store.memory.tables import Tables, conversation_of
from scripts.sandbox.cast import CONVERSATIONS, GROUP_ID, GROUP_NAME, INVITE_CODE, PEOPLE, fixed_id
from tests.governed import governed
from tests.plans import HeldPlan, plan_of
from tests.transcript import Transcript
from tests.world import Client, World, world

TALK = ConversationId(CONVERSATIONS["bob-carol"])
ROOM = ConversationId(CONVERSATIONS["general"])
HIKERS = GroupId(fixed_id("d", 2))
HIKERS_CODE = "0B5E55ED"
HIKERS_ROOM = ConversationId(fixed_id("c", 12))
OLDER, ANSWER, QUESTION = (MessageId(fixed_id("e", number)) for number in (1, 2, 3))
NAMES = ("alice", "bob", "carol", "dave")
TOKENS = {f"<{name}'s access token>": name for name in NAMES}


def user_id(name: str) -> UserId:
    """Return the users.id of a sample person."""
    return UserId(str(PEOPLE[name].user_id))


@dataclass(frozen=True, slots=True)
class Stage:
    """The world with everybody in it."""

    world: World
    plan: HeldPlan

    def token(self, name: str) -> str:
        """Sign a token of a sample person."""
        person = PEOPLE[name]
        return self.world.mint.hs256(str(person.auth_id), email=person.email or "", phone=person.auth_phone)

    async def enter(self, name: str, *capabilities: Capability) -> Client:
        """Let somebody in with a client that knows every type and asks for these capabilities."""
        client = self.world.client()
        client.also = LISTED_TYPES
        reply = await client.ask("auth", token=self.token(name), capabilities=[*capabilities])
        assert reply.type == "auth_success"
        return client

    def transcript(self) -> Transcript:
        """Return what the examples' ids stand for before anything is said."""
        known = [*map(user_id, NAMES), TALK, ROOM, GROUP_ID, HIKERS, HIKERS_ROOM, OLDER, ANSWER, QUESTION]
        return Transcript([*known, INVITE_CODE, HIKERS_CODE], {text: self.token(name) for text, name in TOKENS.items()})


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Set the stage."""
    async with world() as w, governed(w, plan_of(RolloutStage.FULL)) as plan:
        _fill(w.tables)
        yield Stage(w, plan)


def _fill(tables: Tables) -> None:
    for name in NAMES:
        person = PEOPLE[name]
        tables.add_user(
            User(
                id=user_id(name),
                auth_user_id=AuthId(str(person.auth_id)),
                username=person.username,
                display_name=person.display_name,
                phone_number=person.phone,
                avatar_url=None,
            )
        )
    tables.can_seal = True
    tables.add_conversation(conversation_of(TALK, "direct", created_by=user_id("bob"), is_private=True))
    tables.has_own_timers = True
    for name in ("bob", "carol"):
        row = tables.add_participant(TALK, user_id(name))
        tables.joined_at[row.id] = datetime(2025, 12, 1, tzinfo=UTC)
    _talk(tables, OLDER, "carol", "Have you booked the hut?", 10)
    _talk(tables, ANSWER, "bob", "I will call them tonight.", 20)
    _talk(tables, QUESTION, "carol", "Shall we take the early train?", 30)
    _found(tables, GroupId(GROUP_ID), GROUP_NAME, INVITE_CODE, {"alice": "owner", "bob": "admin"}, ROOM)
    _found(tables, HIKERS, "Hikers", HIKERS_CODE, {"carol": "owner"}, HIKERS_ROOM)


def _talk(tables: Tables, message_id: MessageId, sender: str, text: str, second: int) -> None:
    tables.messages_by_id[message_id] = Message(
        id=message_id,
        conversation_id=TALK,
        sender_id=user_id(sender),
        reply_to_id=None,
        message_type="text",
        content=text,
        content_hash=None,
        metadata={},
        edited_at=None,
        deleted_at=None,
        created_at=datetime(2025, 12, 31, 23, 0, second, tzinfo=UTC),
        expires_at=None,
    )


def _found(
    tables: Tables, group_id: GroupId, name: str, code: str, roles: dict[str, str], room: ConversationId
) -> None:
    """Put a group with its first room in."""
    tables.group_rows[group_id] = Group(
        id=group_id,
        name=name,
        description=None,
        avatar_url=None,
        is_public=False,
        invite_code=code,
        created_by=user_id(next(iter(roles))),
        created_at=datetime(2025, 12, 1, tzinfo=UTC),
    )
    tables.add_conversation(conversation_of(room, "room", name="general", group_id=group_id))
    for member, role in roles.items():
        row = GroupMembership(group_id=group_id, user_id=user_id(member), role=role, left_at=None)
        tables.group_members[group_id, row.user_id] = row
        tables.add_participant(room, row.user_id)
