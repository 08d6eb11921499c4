"""How a test makes the bridge send each push: bob sees it, whose client has asked for what it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from msgspec.structs import replace

from bridge.feed.changes import ConversationWritten, MessageWritten, ParticipantChanged
from bridge.models import Message
from bridge.paths import Stage as RolloutStage
from scripts.sandbox.cast import INVITE_CODE
from tests.parts import GRACE_SECONDS
from tests.plans import plan_of
from tests.specification.stage import ANSWER, QUESTION, ROOM, TALK, Stage, user_id

Cause = Callable[[Stage], Awaitable[object]]


async def _carol_writes(stage: Stage) -> None:
    carol = await stage.enter("carol")
    await carol.ask("send_message", conversationId=TALK, content="I have booked the hut.")


async def _carol_types(stage: Stage) -> None:
    carol = await stage.enter("carol")
    await carol.ask("typing_start", conversationId=TALK)


async def _carol_reads(stage: Stage) -> None:
    carol = await stage.enter("carol")
    await carol.ask("mark_as_read", conversationId=TALK, messageIds=[ANSWER])


async def _carol_comes(stage: Stage) -> None:
    await stage.enter("carol")
    await stage.world.presence.tell()


async def _carol_comes_and_goes(stage: Stage) -> None:
    carol = await stage.enter("carol")
    await stage.world.presence.tell()
    carol.vanish()
    stage.world.clock.advance(GRACE_SECONDS)
    await stage.world.presence.tell()


async def _carols_row_is_edited(stage: Stage) -> None:
    row = stage.world.tables.messages_by_id[QUESTION]
    edited = replace(row, content="Shall we take the late train?", edited_at=stage.world.clock.now())
    stage.world.tables.messages_by_id[QUESTION] = edited
    await _rewritten(stage, edited)


async def _carols_row_is_deleted(stage: Stage) -> None:
    now = stage.world.clock.now()
    row = stage.world.tables.messages_by_id[QUESTION]
    deleted = replace(row, deleted_at=now)
    stage.world.tables.messages_by_id[QUESTION] = deleted
    await _rewritten(stage, deleted)


async def _rewritten(stage: Stage, row: Message) -> None:
    change = MessageWritten(
        id=row.id, conversation_id=row.conversation_id, created_at=row.created_at, deleted_at=row.deleted_at
    )
    await stage.world.relay.handle(change)


async def _alice_makes_a_group_with_bob(stage: Stage) -> None:
    alice = await stage.enter("alice")
    await alice.ask("create_conversation", participantIds=[user_id("bob")], name="Birthday", isGroup=True)


async def _the_room_is_renamed(stage: Stage) -> None:
    row = replace(stage.world.tables.conversation_rows[ROOM], name="Greenhouse")
    stage.world.tables.add_conversation(row)
    await stage.world.relay.handle(ConversationWritten(id=ROOM, is_new=False, conversation=row))


async def _bob_is_removed(stage: Stage) -> None:
    await _leaves(stage, "bob")


async def _carol_joins_the_garden_club(stage: Stage) -> None:
    carol = await stage.enter("carol")
    await carol.ask("join_group", inviteCode=INVITE_CODE)


async def _alice_leaves_the_room(stage: Stage) -> None:
    await _leaves(stage, "alice")


async def _leaves(stage: Stage, name: str) -> None:
    tables = stage.world.tables
    row = next(one for one in tables.rows.values() if (one.conversation_id, one.user_id) == (ROOM, user_id(name)))
    tables.rows[row.id] = left = replace(row, left_at=stage.world.clock.now())
    await stage.world.relay.handle(ParticipantChanged(left))


async def _the_kill_switch_is_thrown(stage: Stage) -> None:
    stage.plan.replace(plan_of(RolloutStage.FULL, kill_switch=True))
    await stage.world.dial.look()


async def _nothing_but_that_bob_has_come(_: Stage) -> None:
    pass


CAUSES: Final[Mapping[str, Cause]] = {
    "message_received": _carol_writes,
    "typing_update": _carol_types,
    "messages_read": _carol_reads,
    "user_online": _carol_comes,
    "user_offline": _carol_comes_and_goes,
    "presence_changed": _carol_comes,
    "message_updated": _carols_row_is_edited,
    "message_deleted": _carols_row_is_deleted,
    "conversation_added": _alice_makes_a_group_with_bob,
    "conversation_changed": _the_room_is_renamed,
    "conversation_removed": _bob_is_removed,
    "member_added": _carol_joins_the_garden_club,
    "member_removed": _alice_leaves_the_room,
    "rollout_changed": _the_kill_switch_is_thrown,
    "connection_status": _nothing_but_that_bob_has_come,
}
"""By wire type. Bob has joined TALK; the first frame of the type that he gets is compared with the example."""
