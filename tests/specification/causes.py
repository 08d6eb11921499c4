"""How a test makes the bridge send each push: bob sees it, whose client has asked for what it needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.specification.stage import ANSWER, TALK, Stage
from tests.world import GRACE_SECONDS

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


async def _nothing_but_that_bob_has_come(_: Stage) -> None:
    pass


CAUSES: Final[Mapping[str, Cause]] = {
    "message_received": _carol_writes,
    "typing_update": _carol_types,
    "messages_read": _carol_reads,
    "user_online": _carol_comes,
    "user_offline": _carol_comes_and_goes,
    "presence_changed": _carol_comes,
    "connection_status": _nothing_but_that_bob_has_come,
}
"""By wire type. Bob has joined TALK; the first frame of the type that he gets is compared with the example."""
