"""The whole list of looks at a project, in the order in which they are taken.

A new one is a function from `Sights` to `Seen` and an entry in its file's LOOKS; docs/migration-doctor.md says what it
means.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from migration.doctor import clocks, functions, indexes, keys, limits, policies, publication, realtime, rights, tables
from migration.doctor.looks import Look, NotSeen, Seen, Served, Sights, Stored

__all__ = ["LOOKS", "Look", "NotSeen", "Seen", "Served", "Sights", "Stored"]

LOOKS: Final[Mapping[str, Look]] = MappingProxyType(
    {
        look.name: look
        for look in (
            *keys.LOOKS,
            *clocks.LOOKS,
            *tables.LOOKS,
            *publication.LOOKS,
            *indexes.LOOKS,
            *policies.LOOKS,
            *rights.LOOKS,
            *functions.LOOKS,
            *limits.LOOKS,
            *realtime.LOOKS,
        )
    }
)
