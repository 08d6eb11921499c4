"""Which channels share a broadcast address, and sending one frame to all of them; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from scripts.sandbox.realtime.phoenix import Frame, Version, encode, is_binary


class Address(NamedTuple):
    """A broadcast address: a private and a public topic of the same name never meet."""

    name: str
    private: bool


class Encoded:
    """A frame on its way to many sockets, encoded once per protocol version."""

    __slots__ = ("_bytes", "frame")

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self._bytes: dict[Version, bytes | None] = {}

    def as_bytes(self, version: Version) -> bytes | None:
        """Return the frame for this version; None if it cannot carry it."""
        if version not in self._bytes:
            self._bytes[version] = encode(version, self.frame)
        return self._bytes[version]

    def is_binary(self, version: Version) -> bool:
        """Tell whether it goes as a binary message."""
        return is_binary(version, self.frame)


class Listener(Protocol):
    """A channel, as its address sees it."""

    def hear(self, encoded: Encoded) -> None:
        """Pass a frame on to the client."""
        ...


class Topics:
    """The channels of every address, in the order they joined."""

    def __init__(self) -> None:
        self._listeners: dict[Address, dict[Listener, None]] = {}

    def add(self, address: Address, listener: Listener) -> None:
        """Let a channel hear what is sent to the address."""
        self._listeners.setdefault(address, {})[listener] = None

    def remove(self, address: Address, listener: Listener) -> None:
        """Let it hear no more."""
        found = self._listeners.get(address, {})
        found.pop(listener, None)
        if not found:
            self._listeners.pop(address, None)

    def at(self, address: Address) -> Iterable[Listener]:
        """Return a stable copy of the listeners."""
        return tuple(self._listeners.get(address, ()))

    def send(self, address: Address, frame: Frame, *, but: Listener | None = None) -> None:
        """Send a frame to every channel of an address, except one."""
        encoded = Encoded(frame)
        for listener in self.at(address):
            if listener is not but:
                listener.hear(encoded)
