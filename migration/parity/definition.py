"""What a comparison is: how the old way is asked, how the new one, and which differences are declared."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from bridge.client import WireClient
from bridge.clock import Clock
from bridge.comparison.answers import Answer, Declared, Hints
from migration.parity.control import Control, Person
from migration.parity.old_server import OldEndpoints

Ask = Callable[["Sides", str], Awaitable[Answer]]
"""Asks one side about a subject: what `within` found, a conversation's id, or nothing for what is about the person."""


class Sides(Struct, frozen=True, kw_only=True):
    """One person on both ways."""

    person: Person
    control: Control
    candidate: WireClient
    clock: Clock
    rest: OldEndpoints | None = None
    """The app's own endpoints, where they are the old way."""

    @property
    def endpoints(self) -> OldEndpoints:
        """Return the old endpoints; only comparisons with them ask for these."""
        if self.rest is None:
            raise AssertionError("no old server is asked")
        return self.rest


class Comparison(Struct, frozen=True, kw_only=True):
    """An action of the protocol beside what it replaces."""

    name: str
    """The action."""
    control: str
    """What clients did before, in words."""
    old: Ask
    new: Ask
    declared: Sequence[Declared]
    more_hints: Callable[[Sides, str, Answer], Awaitable[Hints]] | None = None
    """Finds out, by more requests, what is needed to judge differences that are left."""
    is_about_a_conversation: bool = False
    within: Callable[[Sides, str], Awaitable[str | None]] | None = None
    """Finds the subject within a conversation; None: there is nothing to compare."""
