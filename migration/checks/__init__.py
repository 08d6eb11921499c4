"""The whole list of data checks. Each is a question about one table; nothing here writes.

A new one is an entry in the file of its family, or a file with a tuple CHECKS and its line here; the generator of
databases (`scripts/sandbox/crowd`) plants what it finds, and docs/migration-check.md says what it means.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from migration.checks import contents, conversations, groups, messages, references, states, unread, users
from migration.checks.definition import Check

__all__ = ["CHECKS", "Check"]

_LISTED: Final = (
    *users.CHECKS,  # who signs in as whom
    *references.CHECKS,  # columns that name a person
    *conversations.CHECKS,  # who is in which conversation
    *groups.CHECKS,  # groups and their rooms
    *messages.CHECKS,  # who wrote, replied and read
    *contents.CHECKS,  # what will not survive, or did not
    *states.CHECKS,  # typing and presence
    unread.CHECK,  # what the bridge answers, counted once more
)

CHECKS: Final[Mapping[str, Check]] = MappingProxyType({check.name: check for check in _LISTED})
if len(CHECKS) != len(_LISTED):
    raise AssertionError("two checks of one name")
