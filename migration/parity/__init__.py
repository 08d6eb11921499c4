"""The whole list of comparisons, in the order in which each person goes through them; none of them writes anything.

A new one is a file here, or in `rest` for the app's own endpoints, and its line; docs/migration-parity.md says what it
compares.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from migration.parity import conversations, groups, identity, members, messages
from migration.parity.definition import Comparison
from migration.parity.rest import REST_COMPARISONS

__all__ = ["COMPARISONS", "Comparison", "OldSide"]


class OldSide(StrEnum):
    """Whom the old way asks."""

    POSTGREST = "postgrest"
    """The project, as legacy clients do themselves."""
    REST = "rest"
    """The app's own endpoints."""


def _by_name(listed: Iterable[Comparison]) -> Mapping[str, Comparison]:
    return MappingProxyType({one.name: one for one in listed})


COMPARISONS: Final[Mapping[OldSide, Mapping[str, Comparison]]] = MappingProxyType(
    {
        OldSide.POSTGREST: _by_name(
            (
                identity.COMPARISON,  # first: it also lets the person in
                conversations.COMPARISON,
                groups.COMPARISON,
                members.COMPARISON,
                messages.COMPARISON,
            )
        ),
        # No endpoint says who somebody is: the app asks PostgREST for that.
        OldSide.REST: _by_name((identity.COMPARISON, *REST_COMPARISONS)),
    }
)
