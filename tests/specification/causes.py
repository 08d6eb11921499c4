"""How a test makes the bridge send each push: bob sees it, whose client understands everything."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from tests.specification.stage import ANSWER, TALK, Stage

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


CAUSES: Final[Mapping[str, Cause]] = {
    "message_received": _carol_writes,
    "typing_update": _carol_types,
    "messages_read": _carol_reads,
}
"""By wire type. Bob has joined TALK; the first frame of the type that he gets is compared with the example."""
