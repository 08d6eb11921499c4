"""The comparisons with the app's own REST endpoints: every GET of contract legacy-rest beside its action.

A new one is a file here and its line; docs/migration-parity.md says what it compares.
"""

from __future__ import annotations

from typing import Final

from migration.parity.rest import conversations, groups, participants, retention, search, timers

REST_COMPARISONS: Final = (
    conversations.COMPARISON,
    groups.COMPARISON,
    participants.COMPARISON,
    search.COMPARISON,
    timers.COMPARISON,
    retention.COMPARISON,
)
