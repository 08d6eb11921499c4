"""How long the stand-in waits where the real Realtime waits, in one place and in seconds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """The waits of a Realtime server; the defaults suit a sandbox, `recorded()` is the real thing.

    Attributes:
        system_delay: from a join's ok (or a pushed token) to "Subscribed to PostgreSQL".
        connect_backoff: before a refused handshake is answered (supabase.md 2.1).
        error_backoff: before a refused join is answered (supabase.md 2.3).
        poll_interval: between two looks at the change queue; 0 hands changes on as they arrive.
        idle_interval: the same while the last look found nothing; only with a poll_interval.
        poll_batch: changes taken in one look.
        resubscribe_delay: before a subscription that the database refused is tried again.
        reconnect_delay: before the change reader dials a lost database again.
        publication_check: between two looks at the publication; a difference re-subscribes everybody.
        silence_limit: a socket that says nothing for so long is closed.
        token_check: the longest time between two looks at a channel's token.

    """

    system_delay: float = 0.2
    connect_backoff: float = 2.0
    error_backoff: float = 5.0
    poll_interval: float = 0.0
    idle_interval: float = 0.0
    poll_batch: int = 100
    resubscribe_delay: float = 5.0
    reconnect_delay: float = 0.2
    publication_check: float = 60.0
    silence_limit: float = 60.0
    token_check: float = 300.0

    @classmethod
    def recorded(cls) -> Timing:
        """Return the waits measured or read on the real server (supabase.md 2 and 3)."""
        return cls(system_delay=2.0, poll_interval=0.1, idle_interval=0.5, reconnect_delay=2.0)

    @classmethod
    def instant(cls) -> Timing:
        """Return no waits at all where a test would only be slower for them."""
        return cls(
            system_delay=0.0,
            connect_backoff=0.0,
            error_backoff=0.0,
            resubscribe_delay=0.05,
            reconnect_delay=0.05,
        )
