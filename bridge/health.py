"""How this process is: told to the clients that asked for it, and to whoever asks /readyz.

Synchronous: a change is told in the moment it is known. The relay says how feed and tables are, the writers of what
only the service role may write say whether they may (contract F43), and the end of the process says that it is near.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from contextlib import contextmanager

import structlog

from bridge.clock import Clock
from bridge.errors import StoreError, StoreRefused
from bridge.events import BridgeStatus, ConnectionStatusChanged, Trouble
from bridge.hub import Hub
from bridge.measures import Measures
from bridge.remedies import PUBLICATION

NO_RIGHT = "42501"
"""The SQLSTATE of a write that a policy or a missing right refuses."""

log = structlog.get_logger(__name__)


class Health:
    """The state of the bridge; in trouble until the feed says that changes arrive."""

    def __init__(self, hub: Hub, clock: Clock, measures: Measures | None = None) -> None:
        self._hub = hub
        self._measures = measures or Measures()
        self._clock = clock
        self._reported: Set[Trouble] = frozenset({Trouble.REALTIME_LOST})
        self.tables_silent = False
        """Whether the tables have not answered for seconds, whoever asks."""
        self._troubled_since: float | None = clock.monotonic()
        self._draining = False
        self._unwritable: set[str] = set()
        self._unpublished: frozenset[str] = frozenset()
        self._failed_writes: Counter[str] = Counter()
        self.lag_seconds: float | None = None
        """How long a change took lately from before its writing through Realtime to us, if the canary tells."""
        self.current = self._state()

    @property
    def reasons(self) -> list[str]:
        """Return everything that speaks against sending clients here, the worst first; for operators."""
        draining = [BridgeStatus.DRAINING.value] if self._draining else []
        troubles = [one.value for one in Trouble if one in self._troubles]
        unpublished = [f"{table} is not in the publication {PUBLICATION}" for table in sorted(self._unpublished)]
        return draining + troubles + unpublished + [f"{table} cannot be written" for table in sorted(self._unwritable)]

    def set_unpublished(self, tables: Set[str]) -> None:
        """Take in which needed tables Realtime does not know, and so tells nothing of (contract F33)."""
        self._unpublished = frozenset(tables)

    def set_troubles(self, troubles: Set[Trouble]) -> None:
        """Take in how feed and tables are now, as the relay knows it; its last word counts."""
        self._reported = troubles
        self._consider()

    def set_tables_silent(self, *, silent: bool) -> None:
        """Take in whether the tables answer at all; the relay may not have asked them for a while."""
        self.tables_silent = silent
        self._consider()

    @property
    def _troubles(self) -> Set[Trouble]:
        return self._reported | ({Trouble.TABLES_UNREACHABLE} if self.tables_silent else frozenset())

    def _consider(self) -> None:
        if not self._troubles:
            self._troubled_since = None
        elif self._troubled_since is None:
            self._troubled_since = self._clock.monotonic()
        self._tell()

    @property
    def seconds_in_doubt(self) -> float:
        """Return for how long this bridge has not been sure to tell everything at once; 0 while it is."""
        return 0.0 if self._troubled_since is None else self._clock.monotonic() - self._troubled_since

    def drain(self) -> None:
        """Take in that the process is about to end; nothing takes this back."""
        self._draining = True
        self._tell()

    def failed_writes(self, table: str) -> int:
        """Return how often a write into this table has failed since the start, whatever the cause."""
        return self._failed_writes[table]

    @contextmanager
    def writing(self, table: str) -> Iterator[None]:
        """Watch a write: a permanent refusal shows in `reasons` until such a write succeeds (contract F43).

        Clients are not told: messages flow all the same.
        """
        try:
            yield
        except StoreError as error:
            self._failed_writes[table] += 1
            self._measures.writes.add(table, "failed")
            if isinstance(error, StoreRefused) and error.sqlstate == NO_RIGHT and table not in self._unwritable:
                self._unwritable.add(table)
                hint = "is SUPABASE_SECRET_KEY the secret key?"
                log.error("health.cannot_write", table=table, hint=hint)  # noqa: TRY400  # a trace would quote the row
            raise
        self._measures.writes.add(table, "ok")
        self._unwritable.discard(table)

    def _state(self) -> ConnectionStatusChanged:
        reason = next((one for one in Trouble if one in self._troubles), None)
        if self._draining:
            status, reason = BridgeStatus.DRAINING, None
        else:
            status = BridgeStatus.DEGRADED if reason else BridgeStatus.LIVE
        return ConnectionStatusChanged(status=status, reason=reason, since=self._clock.now())

    def _tell(self) -> None:
        state = self._state()
        if (state.status, state.reason) != (self.current.status, self.current.reason):
            self.current = state
            self._hub.broadcast(state)
