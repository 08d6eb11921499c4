"""What is counted and timed in one bridge process: plain numbers, cheap to write, read by whoever shows them.

No library for metrics here: to count is to add to a dict, and the adapter (`bridge.metrics`) reads the numbers when it
is asked. Names are Prometheus's own, without the `_total` that it appends to counters; docs/observability.md describes
each, and a test compares the two.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Final

BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the classes into which durations are sorted, in seconds; one more takes what is above."""
MAX_SERIES: Final = 500
"""Sets of labels of one measure; further ones are counted together, for a label may come from outside."""
OTHER: Final = "other"
_NOT_OUR_QUESTIONS: Final = frozenset({"auth", "passthrough", OTHER})
_ANSWERED: Final = frozenset("234")
"""How statuses begin that do not come from a gateway with nobody behind it."""
OK: Final = "ok"
_CHEAP: Final = "ping"


class Measure:
    """Something measured: its name, one sentence about it, and what its numbers are divided by."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        self.name = f"chat_bridge_{name}"
        self.meaning = meaning
        self.labels = labels


class Count(Measure):
    """How often something has happened since the start."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        super().__init__(name, meaning, *labels)
        self.values: Counter[tuple[str, ...]] = Counter()

    def add(self, *labels: str, by: int = 1) -> None:
        """Count."""
        if labels not in self.values and len(self.values) >= MAX_SERIES:
            labels = (OTHER,) * len(labels)
        self.values[labels] += by


class Series:
    """The durations of one set of labels."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.seconds = 0.0


class Durations(Measure):
    """How long something takes, in classes."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        super().__init__(name, meaning, *labels)
        self.values: defaultdict[tuple[str, ...], Series] = defaultdict(Series)

    def observe(self, seconds: float, *labels: str) -> None:
        """Take in one duration; a negative one, by clocks that differ, counts as none."""
        if labels not in self.values and len(self.values) >= MAX_SERIES:
            labels = (OTHER,) * len(labels)
        series = self.values[labels]
        series.counts[bisect_left(BOUNDS, seconds)] += 1
        series.seconds += max(seconds, 0.0)

    @property
    def number(self) -> int:
        """Return how many durations there were, whatever their labels."""
        return sum(sum(series.counts) for series in self.values.values())

    def not_above(self, share: float) -> float | None:
        """Return the bound that this share of all durations does not exceed; None if there are none, or no bound."""
        counts = [sum(column) for column in zip(*(series.counts for series in self.values.values()), strict=True)]
        wanted, seen = share * sum(counts), 0
        for bound, count in zip(BOUNDS, counts, strict=False):
            seen += count
            if seen >= wanted:
                return bound
        return None


class Level(Measure):
    """How much there is of something at this moment; the composition root says where to look."""

    def __init__(self, name: str, meaning: str) -> None:
        super().__init__(name, meaning)
        self.read: Callable[[], float] = lambda: 0.0


class Reading(Measure):
    """How often something has happened, counted elsewhere; the composition root says where to look."""

    def __init__(self, name: str, meaning: str, *labels: str) -> None:
        super().__init__(name, meaning, *labels)
        self.read: Callable[[], Mapping[tuple[str, ...], int]] = dict


class _OfClients:
    """What is measured of those who come: sockets, commands, requests to old endpoints, pushes."""

    def __init__(self) -> None:
        self.sockets = Level("sockets", "Open sockets.")
        self.sessions = Level("sessions", "Authenticated sockets.")
        self.users = Level("users", "People with an authenticated socket.")
        self.ready = Level("ready", "1 while /readyz says ready.")
        self.history = Level("history_entries", "Pushes kept for clients that come back.")
        self.opened = Count("sockets_opened", "Sockets accepted.")
        self.refused = Reading("handshakes_refused", "Sockets that were never opened.", "reason")
        self.closings = Reading("sockets_closed", "Sockets closed by the bridge.", "code")
        self.commands = Count("commands", "Frames of clients that were answered.", "type", "outcome")
        self.commands_failed = Count("commands_failed", "Commands that failed by the server's own fault.", "type")
        self.command_seconds = Durations("command_seconds", "From a command's turn to its answer.", "type")
        self.old_requests = Count("old_requests", "Requests to old endpoints that were answered.", "endpoint", "status")
        self.old_requests_failed = Count(
            "old_requests_failed", "Requests to old endpoints that failed by the server's own fault.", "endpoint"
        )
        self.old_request_seconds = Durations("old_request_seconds", "From such a request to its answer.", "endpoint")
        self.comebacks = Count("comebacks", "Authentications by what could be told again.", "outcome")
        self.replayed = Count("replayed_pushes", "Pushes told again to clients that came back.")
        self.pushes = Count("pushes", "Events told, however many sockets took them.", "type")
        self.deliveries = Count("deliveries", "Pushes handed to sockets.", "type")


class Measures(_OfClients):
    """Everything that a bridge process measures."""

    def __init__(self) -> None:
        super().__init__()
        self.feed_live = Level("feed_live", "1 while changes arrive and none is known to be missing.")
        self.epochs = Count("feed_epochs", "Connections to Realtime begun.")
        self.losses = Count("feed_losses", "Times at which changes stopped to arrive.")
        self.confirmations = Count("feed_confirmations", "Confirmations by Realtime that changes arrive.")
        self.changes = Count("feed_changes", "Row changes heard from Realtime.", "table", "kind")
        self.lag = Durations("feed_lag_seconds", "From a commit, by the database's clock, to hearing of it.")
        self.catch_ups = Count("catch_ups", "Comparisons with the tables, begun and finished.", "step")
        self.rescued = Count("rescued_messages", "Messages that a comparison found and the feed had not brought.")
        self.declined = Count("declined_messages", "Messages of others that were not delivered.", "reason")
        self.requests = Count("supabase_requests", "Requests to PostgREST and Auth.", "table", "method", "outcome")
        self.request_seconds = Durations("supabase_request_seconds", "From a request to its answer's head.", "table")
        self.writes = Count("service_writes", "Writes that only the service role may do.", "table", "outcome")
        self.shadowed = Count("shadowed_reads", "Reads compared with the old way.", "action", "outcome", "reason")

    def table_answers(self) -> int:
        """Return how often the tables have answered the bridge; what strangers ask does not count."""
        return sum(
            number
            for (table, _, outcome), number in self.requests.values.items()
            if table not in _NOT_OUR_QUESTIONS and outcome[:1] in _ANSWERED
        )

    def failed_commands(self) -> tuple[int, int]:
        """Return how many commands failed by the server's own fault, and how many did or were done.

        Pings do not count, for they cost nothing, nor what was refused: by refusals strangers could hide failures.
        """
        failed = sum(self.commands_failed.values.values())
        done = sum(n for (kind, outcome), n in self.commands.values.items() if kind != _CHEAP and outcome == OK)
        return failed, done + failed

    def failed_old_requests(self) -> tuple[int, int]:
        """Return how many requests to old endpoints failed by the server's own fault, and how many did or were served.

        What was refused counts for nothing here, too.
        """
        failed = sum(self.old_requests_failed.values.values())
        served = sum(number for (_, status), number in self.old_requests.values.items() if status.startswith("2"))
        return failed, served + failed

    def mismatched_reads(self, action: str) -> tuple[int, int]:
        """Return how many reads by an action differed from what the old way says, and how many were compared."""
        counts: Counter[str] = Counter()
        for (read_by, outcome, _), number in self.shadowed.values.items():
            if read_by == action:
                counts[outcome] += number
        return counts["mismatch"], counts["mismatch"] + counts["match"]

    def all(self) -> Iterator[Measure]:
        """Yield every measure."""
        return (one for one in vars(self).values() if isinstance(one, Measure))
