"""The switches that make the Data API and Auth fail on purpose; Realtime has its own (realtime/faults.py)."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class ApiFaultRefused(Exception):
    """An unknown switch or a value of the wrong type; nothing was changed."""


class Switches(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What can be switched; all stay until changed, the `…_next` ones count themselves down.

    Attributes:
        delay_ms: how long every request waits before it is passed on.
        fail_next: so many requests are answered with `status` and never passed on.
        lose_next: so many requests are carried out, but the connection breaks before the answer.
        down: every request is answered with `status`.
        status: the HTTP status of the failures.
        path: only requests whose path begins like this are concerned.

    """

    delay_ms: float = 0.0
    fail_next: int = 0
    lose_next: int = 0
    down: bool = False
    status: int = 503
    path: str = "/"


class ApiFaults:
    """Holds the switches, decides about each request, and counts them all."""

    def __init__(self) -> None:
        self.switches = Switches()
        self.requests = 0

    def apply(self, wanted: Mapping[str, object]) -> None:
        """Change switches by name.

        Raises:
            ApiFaultRefused: nothing was changed.

        """
        try:
            self.switches = msgspec.convert({**msgspec.to_builtins(self.switches), **wanted}, Switches)
        except msgspec.ValidationError as error:
            raise ApiFaultRefused(str(error)) from error

    def reset(self) -> None:
        """Put every switch back."""
        self.switches = Switches()

    def snapshot(self) -> dict[str, object]:
        """Return the switches, JSON-able."""
        found: dict[str, object] = msgspec.to_builtins(self.switches)
        return found

    def delay_seconds(self, path: str) -> float:
        """Return how long this request is to wait."""
        return self.switches.delay_ms / 1000 if path.startswith(self.switches.path) else 0.0

    def failure(self, path: str) -> int | None:
        """Return the status this request is to fail with, if it is to; counts down."""
        if not path.startswith(self.switches.path):
            return None
        if self.switches.down:
            return self.switches.status
        if self.switches.fail_next <= 0:
            return None
        self.switches = msgspec.structs.replace(self.switches, fail_next=self.switches.fail_next - 1)
        return self.switches.status

    def loses_answer(self, path: str) -> bool:
        """Tell whether the answer to this request is to be lost; counts down."""
        if self.switches.lose_next <= 0 or not path.startswith(self.switches.path):
            return False
        self.switches = msgspec.structs.replace(self.switches, lose_next=self.switches.lose_next - 1)
        return True
