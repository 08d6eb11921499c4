"""A relay with listeners: what the tests of what is told about changes have in common."""

from __future__ import annotations

from typing import Self

from bridge.capabilities import Capability
from bridge.feed.signals import Live
from tests.parts import Parts
from tests.people import Person
from tests.receivers import Listener


class Listened(Parts):
    """The parts of a process whose pushes are listened to."""

    def listening(self, person: Person, *capabilities: Capability) -> Listener:
        """Return a receiver of this person's pushes."""
        receiver = Listener(person, *capabilities)
        self.context.hub.attach(receiver)
        return receiver

    async def live(self) -> Self:
        """Begin to hear changes."""
        await self.relay.handle(Live())
        self.tables.asked.clear()
        return self
