"""The switches that make the stand-in fail on purpose, in process or as JSON, and what it counted meanwhile.

A *setting* stays until it is changed; a *deed* happens once, when it is applied. `apply` takes both in one mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec

Stall = Literal["off", "frames", "everything"]


class FaultRefused(Exception):
    """The mapping given to `apply` names an unknown switch or a value of the wrong type; nothing was changed."""


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Switches that stay.

    Attributes:
        stall: "frames" sends nothing but heartbeat replies, "everything" not even those nor pongs; TCP stays open.
            What was held back follows when the stall ends.
        refuse_connect: HTTP status every handshake is answered with.
        close_on_connect: close code sent right after each accepted handshake.
        refuse_join: reason ("Code: text") every join is answered with.
        withhold: tables ("messages" or "public.messages") whose changes are dropped silently, for good.
        delay_ms: how long every change waits before it is sent; order is kept.
        duplicate: every change event is sent twice.
        poller_down: nobody reads the database; what is committed meanwhile is lost, and the way back subscribes anew.
        rate_limit: events per second, averaged over a minute, above which changes are dropped silently.
        trace: note for each change when it came and when it was written to a socket.

    """

    stall: Stall = "off"
    refuse_connect: int | None = None
    close_on_connect: int | None = None
    refuse_join: str | None = None
    withhold: frozenset[str] = frozenset()
    delay_ms: float = 0.0
    duplicate: bool = False
    poller_down: bool = False
    rate_limit: int | None = None
    trace: bool = False

    def withholds(self, schema: str, table: str) -> bool:
        """Tell whether changes of this table are to vanish."""
        return bool(self.withhold) and not self.withhold.isdisjoint((table, f"{schema}.{table}", "*"))


class _OneTime(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="deed"):
    """A deed; JSON names it in the field "deed"."""


class Drop(_OneTime, frozen=True, kw_only=True, tag="drop"):
    """End every connection: without a code by a TCP reset, else by a clean close."""

    code: int | None = None
    reason: str = ""


class SendSystemError(_OneTime, frozen=True, kw_only=True, tag="system_error"):
    """Send a system error to one topic or to all; extension "system" is followed by phx_close (supabase.md 2.5)."""

    message: str
    extension: Literal["system", "postgres_changes"] = "system"
    topic: str | None = None


class ExpireTokens(_OneTime, frozen=True, kw_only=True, tag="expire_tokens"):
    """Treat the token of one topic's or of all channels as expired this moment."""

    topic: str | None = None


class Crash(_OneTime, frozen=True, kw_only=True, tag="crash"):
    """Let the channel processes of one topic or of all die: phx_error."""

    topic: str | None = None


class Resubscribe(_OneTime, frozen=True, kw_only=True, tag="resubscribe"):
    """Subscribe every channel to the database anew: another "Subscribed to PostgreSQL"."""


Deed = Drop | SendSystemError | ExpireTokens | Crash | Resubscribe


class Counts(msgspec.Struct, kw_only=True):
    """What happened since the start, for tests and people to look at."""

    handshakes: int = 0
    connections: int = 0
    channels: int = 0
    joins: int = 0
    changes_read: int = 0
    changes_lost: int = 0
    events_sent: int = 0
    polls_started: int = 0
    poller_up: bool = False


class Trace(msgspec.Struct, kw_only=True):
    """The times of one change, in seconds since 1970; the written ones are None until a socket took it."""

    schema: str
    table: str
    type: str
    key: dict[str, str]
    committed_at: float
    received_at: float
    first_written_at: float | None = None
    last_written_at: float | None = None
    sockets: int = 0

    def written(self, now: float) -> None:
        """Note that one more socket took the event."""
        if self.first_written_at is None:
            self.first_written_at = now
        self.last_written_at = now
        self.sockets += 1


class Faults:
    """Holds the settings, hands deeds to whoever listens, keeps counts and traces."""

    def __init__(self) -> None:
        self.settings = Settings()
        self.counts = Counts()
        self.traces: list[Trace] = []
        self._on_settings: list[Callable[[Settings, Settings], None]] = []
        self._on_deed: list[Callable[[Deed], None]] = []

    def listen(self, on_settings: Callable[[Settings, Settings], None], on_deed: Callable[[Deed], None]) -> None:
        """Register a server: called at once, in the order of registration, with (before, after) or with a deed."""
        self._on_settings.append(on_settings)
        self._on_deed.append(on_deed)

    def apply(self, switches: Mapping[str, object]) -> None:
        """Change settings by name; the key "deeds" holds a list of deeds, performed afterwards in order.

        Raises:
            FaultRefused: an unknown name or a value of the wrong type; nothing was changed.

        """
        wanted = {**msgspec.to_builtins(self.settings), **switches}
        listed = wanted.pop("deeds", [])
        try:
            settings = msgspec.convert(wanted, Settings)
            deeds = msgspec.convert(listed, list[Deed])
        except msgspec.ValidationError as error:
            raise FaultRefused(str(error)) from error
        self._change(settings)
        for deed in deeds:
            self.perform(deed)

    def perform(self, deed: Deed) -> None:
        """Let one deed happen now."""
        for listener in self._on_deed:
            listener(deed)

    def reset(self) -> None:
        """Put every setting back and forget the traces."""
        self.traces.clear()
        self._change(Settings())

    def snapshot(self) -> dict[str, object]:
        """Return settings and counts, JSON-able."""
        found: dict[str, object] = msgspec.to_builtins({"settings": self.settings, "counts": self.counts})
        return found

    def metrics(self) -> list[dict[str, object]]:
        """Return the traces noted since `trace` was switched on, JSON-able."""
        found: list[dict[str, object]] = msgspec.to_builtins(self.traces)
        return found

    def _change(self, settings: Settings) -> None:
        before, self.settings = self.settings, settings
        for listener in self._on_settings:
            listener(before, settings)
