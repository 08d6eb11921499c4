"""The whole list of comparisons, in the order in which each person goes through them; none of them writes anything.

A new one is a file here and its line; docs/migration-parity.md says what it compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from migration.parity import conversations, groups, identity, members, messages
from migration.parity.definition import Comparison

__all__ = ["COMPARISONS", "Comparison"]

COMPARISONS: Final[Mapping[str, Comparison]] = MappingProxyType(
    {
        one.name: one
        for one in (
            identity.COMPARISON,  # first: it also lets the person in
            conversations.COMPARISON,
            groups.COMPARISON,
            members.COMPARISON,
            messages.COMPARISON,
        )
    }
)
