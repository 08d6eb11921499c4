"""The whole list of repairs, in the order in which they are done; each belongs to the check of its name.

Not here, on purpose: whatever would delete or merge rows, change what somebody wrote or when, or let somebody read what
cannot be known to be meant for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from migration.repairs import memberships, references, states
from migration.repairs.definition import Change, Repair

__all__ = ["REPAIRS", "Change", "Repair"]

REPAIRS: Final[Mapping[str, Repair]] = MappingProxyType(
    {
        repair.check: repair
        for repair in (
            *references.REPAIRS,  # first: who is who
            *memberships.REPAIRS,  # then who is missing
            *states.REPAIRS,
        )
    }
)
