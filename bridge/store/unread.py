"""How many messages are unread: those of others after the newest that the reader has read, or has written. Pure.

By position, not by counting rows without a receipt: where somebody has seen the end nothing is unread, however much was
never on the screen; and counting costs as much as there is to read, not as much as was ever said.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from bridge.models import Identity, Position, UserId

UNREAD_WINDOW: Final = timedelta(days=30)
"""How far back unread messages are looked for: as long as the app keeps a message by default (data-model section 2)."""
UNREAD_LIMIT: Final = 100
"""Where counting stops: so many, or more."""


def count_unread(newest_first: Iterable[tuple[Position, UserId]], reader: Identity, seen: Position | None) -> int:
    """Count back from the newest message; `seen` is the newest that the reader has a receipt for."""
    count = 0
    for position, sender_id in newest_first:
        if sender_id in reader.ids or count == UNREAD_LIMIT or (seen is not None and position <= seen):
            break
        count += 1
    return count
