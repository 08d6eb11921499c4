"""How a change of what clients hold is declared: what happens, who hears of it, and what nobody is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Set
from dataclasses import dataclass

from tests.e2e.convergence.scene import Scene

Perform = Callable[[Scene], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """What happens, and what is told of it.

    act: those of one act happen in one scene, one after the other, and what is held is compared in the end.
    by: the action of the registry, or the table that others write.
    heard: the type of a push that has to come, by viewer; nothing at all is told if it is empty.
    untold: the parts of the state of which no push tells, as docs/protocol.md says: they differ until the next load.
    kept: old pages that go on showing what is not so any more, for no type that they know tells of it.
    """

    act: str
    by: str
    perform: Perform
    heard: Mapping[str, str]
    untold: Set[str]
    kept: Set[str]


SEALED = "sealed"
"""The act for which the database needs a place for copies."""

OTHERS = ("peer", "leaver")
IN_THE_ROOM = ("actor", "tab", *OTHERS)
EVERY_OLD_PAGE = frozenset({"old tab", "old peer", "old leaver"})


def all_hear(frame_type: str, viewers: tuple[str, ...] = IN_THE_ROOM) -> dict[str, str]:
    """Say that these viewers hear the same."""
    return dict.fromkeys(viewers, frame_type)


class Table(list[Mutation]):
    """The mutations of one file, in their order."""

    def mutation(
        self,
        act: str,
        by: str,
        heard: Mapping[str, str],
        *,
        untold: Set[str] = frozenset(),
        kept: Set[str] = frozenset(),
    ) -> Callable[[Perform], Perform]:
        """Put a function into the table."""

        def declare(perform: Perform) -> Perform:
            self.append(Mutation(act=act, by=by, perform=perform, heard=heard, untold=untold, kept=kept))
            return perform

        return declare
