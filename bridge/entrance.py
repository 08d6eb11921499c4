"""How a connection becomes somebody's, and stops being it: `auth`, the welcome, and the end of a session."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog
from msgspec import Raw

from bridge.actions.context import Caller, Context, Rooms
from bridge.auth import Claims, TokenVerifier
from bridge.authentication import Authenticate, Authenticated, ClientName, read_authenticate
from bridge.capabilities import Capability, known_capabilities
from bridge.change_log import Mark
from bridge.dial import Dial, Seat, person_of
from bridge.elsewhere import FromElsewhere
from bridge.errors import INVALID_TOKEN, ActionError
from bridge.events import as_seen_by
from bridge.identity import find_user, identity_of
from bridge.models import Identity, User, profile_of
from bridge.outbox import Outbox
from bridge.pushes import encode_push
from bridge.rates import Rate
from bridge.resuming import Comeback, source_for
from bridge.rows import user_row
from bridge.signed_in import Session
from bridge.usage.programs import named

Tell = Callable[[Authenticated], None]

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may use, in commands, seconds and the like."""

    max_waiting_commands: int
    frames: Rate
    auth_deadline_seconds: float
    silence_limit_seconds: float
    leeway: timedelta
    phone_identity: bool


@dataclass(frozen=True, slots=True)
class _Arrival:
    """Who is there, by which token, and what they asked for."""

    asked: Authenticate
    claims: Claims
    user: User
    identity: Identity
    capabilities: frozenset[Capability]


class Entrance:
    """Whose a connection is, from its first `auth` to its end."""

    def __init__(
        self,
        context: Context,
        verifier: TokenVerifier,
        outbox: Outbox,
        limits: Limits,
        dial: Dial,
        *,
        keeps_tokens: bool,
    ) -> None:
        self.session: Session | None = None
        self.used = asyncio.Event()
        """Set once somebody has come in."""
        self._context = context
        self._verifier = verifier
        self._outbox = outbox
        self._limits = limits
        self._dial = dial
        self._keeps_tokens = keeps_tokens

    async def admit(self, payload: Raw, tell: Tell) -> None:
        """Verify the token and become its user; a failed attempt leaves the connection as it was.

        Raises:
            ActionError: there is no token, or none that is good.
            StoreError: whose it is cannot be read.

        """
        asked = read_authenticate(payload)
        claims = await self._verifier.verify(asked.token)
        if self._context.logins.has_ended(claims.login_id):
            log.info("token.refused", cause="signed out")
            raise ActionError(INVALID_TOKEN)
        user = await find_user(claims, self._context.store.users, phone_identity=self._limits.phone_identity)
        arrival = _Arrival(asked, claims, user, identity_of(user, claims), known_capabilities(asked.capabilities))
        seat = await self._dial.admit(person_of(user, asked.client), arrival.capabilities, self._outbox)
        if seat is not None and self._dial.turns_away(seat):
            tell(seat.farewell(user_row(user, claims.auth_id, claims.email), self._context.history.cursor()))
            self._dial.turn_away(seat)  # no session begins
            return
        comeback = await self._comeback(arrival)
        told_from = self._told_from(arrival)
        self._sit_down(arrival, seat)
        self._welcome(arrival, comeback, told_from, tell)
        self._register(arrival)

    def close(self) -> None:
        """Forget whose it is, but for what they had open: they may come back (contract F27)."""
        if self.session is not None:
            caller = self.session.caller
            self._context.left_rooms.leave(
                caller.identity.user_id,
                caller.rooms.joined,
                told_until=self.session.silent_since,
                knows_its_place=Capability.RESUME in caller.capabilities,
            )
        self._end_session()

    async def _comeback(self, arrival: _Arrival) -> Comeback | FromElsewhere:
        mark = self._context.history.mark_of(arrival.asked.cursor or "")
        comeback = self._from_here(arrival) if mark is None else self._from_elsewhere(arrival, mark)
        await comeback.prepare()
        return comeback

    def _from_elsewhere(self, arrival: _Arrival, mark: Mark) -> FromElsewhere:
        return FromElsewhere(arrival.identity, arrival.capabilities, mark, self._context, self._outbox.room)

    def _from_here(self, arrival: _Arrival) -> Comeback:
        source = source_for(
            arrival.asked.cursor,
            arrival.capabilities,
            arrival.identity,
            self.session,
            self._limits.silence_limit_seconds,
            self._context,
        )
        is_asked = bool(arrival.asked.cursor)
        return Comeback(arrival.identity, source, self._context, self._outbox.room, all_or_nothing=is_asked)

    def _told_from(self, arrival: _Arrival) -> int | None:
        """Return from which place on this connection will have been told all of it, if it is told what it missed."""
        before, cursor = self.session, arrival.asked.cursor
        goes_on = before is not None and before.identity == arrival.identity
        if before is not None and goes_on and arrival.capabilities <= before.capabilities:
            # Without a cursor what was held back may be more than can be told.
            return before.told_from if cursor or before.silent_after is None else None
        return self._context.history.place_of(cursor) if cursor else None

    def _sit_down(self, arrival: _Arrival, seat: Seat | None) -> None:
        """Begin the session, in place of the one before."""
        user, identity = arrival.user, arrival.identity
        previous = self.session.caller if self.session else None
        rooms = previous.rooms if previous and previous.identity == identity else self._resumed_rooms(identity)
        self._end_session()
        self._context.profiles.remember(profile_of(user))
        caller = Caller(identity=identity, user=user, rooms=rooms, capabilities=arrival.capabilities)
        token = arrival.asked.token if self._keeps_tokens else ""
        self.session = Session(caller, arrival.claims, self._outbox, self._context, self._limits.leeway, token=token)
        self.used.set()
        self._dial.take(seat)

    def _welcome(
        self, arrival: _Arrival, comeback: Comeback | FromElsewhere, told_from: int | None, tell: Tell
    ) -> None:
        """Answer, tell what was missed, take a place in the hub; no await in between.

        So no push overtakes auth_success, and none falls between what is told again and what is told live.
        """
        session = self.session
        if session is None:
            raise AssertionError("welcomed without a session")
        shown_cursor, place = arrival.asked.cursor, self._context.history.sequence + 1
        missed = comeback.entries(session.takes)
        session.told_from = place if missed is None or told_from is None else told_from
        tell(
            Authenticated(
                user=user_row(arrival.user, arrival.claims.auth_id, arrival.claims.email),
                capabilities=sorted(session.capabilities),
                cursor=shown_cursor if missed and shown_cursor else self._context.history.cursor(),
                resumed=missed is not None and bool(shown_cursor),
                rollout=self._dial.shown(self._outbox),
            )
        )
        self._context.measures.comebacks.add("lost" if missed is None else "replayed" if missed else "nothing_missed")
        self._context.measures.replayed.add(by=len(missed or ()))
        now = self._context.clock.now()
        for entry in missed or ():
            # Past the session: a token that ends in this very moment was good when this was asked for.
            self._outbox.put(encode_push(as_seen_by(session.identity, entry.event), entry.cursor, now))
        if Capability.CONNECTION_STATUS in session.capabilities:
            self._outbox.put(encode_push(self._context.health.current, self._context.history.cursor(), now))
        self._context.hub.attach(session, since=place)

    def _register(self, arrival: _Arrival) -> None:
        """Count the connection wherever connections are counted."""
        identity = arrival.identity
        self._context.presence.connect(identity)
        self._context.guests.arrive(identity.user_id, self._outbox)
        self._context.logins.arrive(arrival.claims.login_id, arrival.asked.token, self._outbox)
        self._note(arrival.user, arrival.asked.client)

    def _note(self, user: User, client: ClientName) -> None:
        self._context.usage.asked("socket", named(client.name, client.version), user.id)
        log.info(
            "session.authenticated",
            user_id=user.id,
            client=client.name,
            version=client.version,
        )

    def _resumed_rooms(self, identity: Identity) -> Rooms:
        """Return what this user's last connection had open; who is a member still is looked at when it matters."""
        return Rooms(joined=dict.fromkeys(self._context.left_rooms.take(identity.user_id)))

    def _end_session(self) -> None:
        if self.session is not None:
            caller = self.session.caller
            for conversation_id in caller.rooms.typing:
                self._context.typing.end(conversation_id, caller.identity.user_id)
            caller.rooms.typing.clear()
            self._context.hub.detach(self.session)
            self._context.guests.leave(caller.identity.user_id, self._outbox)
            self._context.logins.leave(self.session.login_id, self._outbox)
            self._dial.leave(self._outbox)
            self._context.presence.disconnect(caller.identity.user_id)
            self.session = None
