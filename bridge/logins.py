"""The logins behind the open connections: an access token outlives the sign-out of its login, so Auth is asked.

Signing out deletes the login at the Auth server; its tokens stay good until they expire, for PostgREST and Realtime as
for us (supabase.md 1.1). Each login that is connected is asked about once in an interval, at a moment of its own in it,
so neither a restart nor a rush of clients makes all be asked about at once.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from bridge.clock import Clock
from bridge.errors import CloseCode, Disconnect
from bridge.outbox import Outbox
from bridge.recent import Recent

ENDED_LOGINS = 20_000
ENDED_REMEMBERED_SECONDS = 24 * 3600.0
"""Longer than access tokens live; a login that has ended does not begin again."""


@dataclass(slots=True)
class _Watched:
    token: str
    next_at: float
    outboxes: dict[Outbox, None] = field(default_factory=dict)


class Logins:
    """Which logins are here, by which token they can be asked about, and which have ended."""

    def __init__(self, clock: Clock, interval_seconds: float) -> None:
        self._clock = clock
        self._interval_seconds = interval_seconds
        self._here: dict[str, _Watched] = {}
        self._ended: Recent[str, bool] = Recent(ENDED_LOGINS, clock=clock, max_age_seconds=ENDED_REMEMBERED_SECONDS)

    def arrive(self, login_id: str | None, token: str, outbox: Outbox) -> None:
        """Watch the login of a connection; tokens that somebody else than Auth made belong to none."""
        if login_id is not None:
            watched = self._here.setdefault(login_id, _Watched(token, self._next(login_id)))
            watched.token = token
            watched.outboxes[outbox] = None

    def leave(self, login_id: str | None, outbox: Outbox) -> None:
        """Forget a connection, and its login with the last one."""
        watched = self._here.get(login_id or "")
        if watched is not None:
            watched.outboxes.pop(outbox, None)
            if not watched.outboxes:
                del self._here[login_id or ""]

    def has_ended(self, login_id: str | None) -> bool:
        """Tell whether this login is known to have ended: its tokens open nothing any more."""
        return login_id is not None and login_id in self._ended

    def due(self) -> Mapping[str, str]:
        """Return the tokens of the logins that are to be asked about now, each until the next time it is due."""
        now = self._clock.monotonic()
        due = {login_id: one.token for login_id, one in self._here.items() if one.next_at <= now}
        for login_id in due:
            self._here[login_id].next_at = self._next(login_id)
        return due

    def end(self, login_id: str) -> None:
        """Close every connection of a login; they are not to come back without another one."""
        self._ended.put(login_id, True)
        watched = self._here.get(login_id)
        for outbox in watched.outboxes if watched else ():
            outbox.disconnect(Disconnect(CloseCode.SIGNED_OUT, "signed out"))

    def _next(self, login_id: str) -> float:
        """Return the next moment of this login, the same in every interval: coming back puts nothing off."""
        now, interval = self._clock.monotonic(), self._interval_seconds
        moment = zlib.crc32(login_id.encode()) / 2**32 * interval
        return moment + interval * (math.floor((now - moment) / interval) + 1)
