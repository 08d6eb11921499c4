"""Notes what happens in a trial, in the order in which it is seen, and lets others wait for it."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Set

from scripts.chaos.history import Acknowledged, Event, GivenUp, Loaded, Received

LOOK_SECONDS = 0.05


class Recorder:
    """The history of one trial as it grows."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.known: defaultdict[str, set[str]] = defaultdict(set)
        """By reader: the messages that it has."""
        self.settled: set[str] = set()
        """Keys of the messages whose writers are done with them."""

    def now(self) -> float:
        """Return the time by the clock of all events."""
        return time.monotonic()

    def note(self, event: Event) -> None:
        """Take an event."""
        self.events.append(event)
        match event:
            case Received(reader=reader, message_id=message_id):
                self.known[reader].add(message_id)
            case Loaded(reader=reader, message_ids=message_ids):
                self.known[reader].update(message_ids)
            case Acknowledged(key=key) | GivenUp(key=key):
                self.settled.add(key)
            case _:
                pass

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is so."""
        while not condition():  # noqa: ASYNC110  # conditions are about many events; each of these would look anew
            await asyncio.sleep(LOOK_SECONDS)

    async def until_known(self, readers: Set[str], message_ids: Set[str]) -> None:
        """Wait until all these readers have all these messages."""
        for reader in readers:
            await self.until(lambda reader=reader: message_ids <= self.known[reader])  # type: ignore[misc]  # mypy cannot type the default
