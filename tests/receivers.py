"""Receivers that keep what the hub gives them, without a session behind them."""

from __future__ import annotations

import json
from typing import Any

from bridge.capabilities import Capability
from bridge.events import ConnectionStatusChanged, Event
from bridge.pushes import required_capability
from tests.emulated_w1 import read_frame
from tests.people import Person
from tests.specified import check_from_bridge


class Receiver:
    """A receiver that keeps what it is given."""

    def __init__(self, person: Person, *capabilities: Capability) -> None:
        self.identity = person.identity
        self.capabilities = frozenset(capabilities)
        self.frames: list[str] = []

    def takes(self, event: Event) -> bool:
        """Take what concerns its person; the state of the bridge is what few tests are about."""
        return not isinstance(event, ConnectionStatusChanged)

    def deliver(self, frame: str) -> None:
        """Keep the frame."""
        check_from_bridge(frame)
        self.frames.append(frame)

    @property
    def told(self) -> list[tuple[str, dict[str, Any]]]:
        """Return type and payload of everything received, of types that only newer clients know too."""
        frames = [json.loads(frame) for frame in self.frames]
        return [(frame["type"], frame["payload"]) for frame in frames]

    @property
    def contents(self) -> list[str]:
        """Return the contents of the messages received."""
        return [str(read_frame(frame).payload["message"]["encrypted_content"]) for frame in self.frames]


class Listener(Receiver):
    """A receiver that takes what a session takes of a client with these capabilities, but for typing."""

    def takes(self, event: Event) -> bool:
        """Take what the client asked for."""
        required = required_capability(event)
        return required is None or required in self.capabilities
