"""The port to the optional change log, whose triggers record what is done to the chat's rows."""

from __future__ import annotations

from typing import Protocol

from bridge.change_log import LogPage


class ChangeLog(Protocol):
    """What the database has recorded by itself (docs/change-log.md). It may be absent, and may come and go."""

    @property
    def available(self) -> bool:
        """Tell whether this database has it, as found out by the store's last check."""
        ...

    async def read(self, after: str | None, *, limit: int) -> LogPage | None:
        """Return what is settled after a place, or without one where the log ends now; None if there is no log.

        Settled is what no transaction that is still open can come before: each entry is returned once, after the end of
        the page before, however late its transaction committed. Other readers do not matter.
        """
        ...

    async def prune(self) -> bool:
        """Delete some of what need not be kept any longer, and say whether that was all."""
        ...

    async def touch_canary(self, row_id: str, beat: int) -> None:
        """Write this number into the row of one bridge, which is published for Realtime to tell of."""
        ...
