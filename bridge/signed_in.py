"""Somebody signed in on a connection: who, until when, and which of the events are for its client."""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime, timedelta

from bridge.actions.context import Caller, Context
from bridge.auth import Claims
from bridge.capabilities import Capability
from bridge.events import Event, MessageSent, TypingChanged, UserCameOnline, UserWentOffline
from bridge.models import Identity
from bridge.outbox import Outbox
from bridge.pushes import required_capability


class Session:
    """Who a connection speaks for, and until when."""

    def __init__(
        self,
        caller: Caller,
        claims: Claims,
        outbox: Outbox,
        context: Context,
        leeway: timedelta,
        *,
        token: str = "",
    ) -> None:
        self._outbox = outbox
        self._clock = context.clock
        self._history = context.history
        self.caller = caller
        self.token = token
        """Kept only where it is needed: the live shadow asks the old way with the user's own rights."""
        self.expires_at: datetime = claims.expires_at + leeway
        self.login_id = claims.login_id
        self.told_from = self._history.sequence + 1
        """From which place on, in what is told, all of it has gone to this connection, or is held back."""
        self.silent_after: int | None = None
        """The place, in what is told, before the first push that was held back because the token had expired."""
        self.silent_since: float | None = None
        """When that was, by the monotonic clock."""

    @property
    def identity(self) -> Identity:
        """Return whose session it is."""
        return self.caller.identity

    @property
    def capabilities(self) -> frozenset[Capability]:
        """Return what the client asked for beyond the old types."""
        return self.caller.capabilities

    def has_told(self, cursor: str, capabilities: Set[Capability]) -> bool:
        """Tell whether all since a cursor, for a client that understands this, has gone this way already."""
        place = self._history.place_of(cursor)
        return place is not None and place >= self.told_from and capabilities <= self.capabilities

    def is_expired(self) -> bool:
        """Tell whether the token is no longer valid; checked at every action and every delivery (contract F13)."""
        return self._clock.now() >= self.expires_at

    def takes(self, event: Event) -> bool:
        """Tell whether this client wants an event that concerns its user.

        Typing is for the others, and only where the conversation is the one opened last: the clients show typing
        of any conversation in the one on their screen (contract ws-protocol section 11, rule 5).
        """
        if isinstance(event, MessageSent):  # most are: a message to a large room is asked about at each of its sockets
            return True
        if isinstance(event, TypingChanged):
            return self.caller.rooms.latest == event.topic and event.typist.id not in self.caller.identity.ids
        if isinstance(event, UserCameOnline | UserWentOffline):
            # A client that is told of the change itself needs no frame for each conversation besides.
            return event.topic in self.caller.rooms.joined and Capability.PRESENCE not in self.caller.capabilities
        required = required_capability(event)
        return required is None or required in self.capabilities

    def deliver(self, frame: str) -> None:
        """Take a push; after the token expired nothing is delivered until the client authenticates again."""
        if not self.is_expired():
            self._outbox.put(frame)
        elif self.silent_after is None:
            # This push has the last place there is. A time would not do: it was noted before this moment.
            self.silent_after = self._history.sequence - 1
            self.silent_since = self._clock.monotonic()
