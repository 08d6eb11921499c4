"""A relay that hears what others write, with listeners."""

from __future__ import annotations

import json
from typing import Any

from bridge.feed.changes import MessageInserted
from bridge.feed.signals import Live
from bridge.models import Message
from tests.parts import Parts
from tests.people import A, B, C, Person, X
from tests.receivers import Receiver


class Setting(Parts):
    """A relay that is live, with listeners."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c, self.x = (self.listening(person) for person in (A, B, C, X))

    def listening(self, person: Person) -> Receiver:
        """Return a receiver of this person's pushes."""
        receiver = Receiver(person)
        self.context.hub.attach(receiver)
        return receiver

    async def live(self) -> Setting:
        """Begin to hear changes."""
        await self.relay.handle(Live())
        assert self.relay.is_live
        return self

    async def told(self, row: Message) -> None:
        """Let a legacy writer insert a row and the feed tell of it."""
        await self.relay.handle(MessageInserted(self.legacy_insert(row)))


def shown(receiver: Receiver) -> dict[str, Any]:
    """Return the last message that a receiver was pushed."""
    pushed: dict[str, Any] = json.loads(receiver.frames[-1])["payload"]["message"]
    return pushed
