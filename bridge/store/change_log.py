"""The port to the optional change log, whose triggers record what is done to the chat's rows."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from bridge.change_log import LogEntry, LogPage, Mark


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

    async def missed(self, since: Mark, people: Collection[str], *, limit: int) -> Sequence[LogEntry] | None:
        """Return what was done since a mark that concerns somebody of these ids: everything that is committed now.

        That is what was done in conversations that they are in, and to their own participant rows. None if it is not
        known completely: no log, another one, one with a gap or pruned since, or more than `limit` entries.
        """
        ...

    async def prune(self) -> bool:
        """Delete some of what need not be kept any longer, and say whether that was all."""
        ...

    async def touch_canary(self, row_id: str, beat: int) -> None:
        """Write this number into the row of one bridge, which is published for Realtime to tell of."""
        ...
