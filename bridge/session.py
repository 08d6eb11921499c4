"""One authenticated client, and the phase before it is one. No sockets here: frames come in, frames go out."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import timedelta

import structlog
from msgspec import Struct
from structlog.contextvars import bound_contextvars

from bridge import protocol
from bridge.actions import ACTIONS
from bridge.actions.context import Caller, Context, Outcome, Rooms
from bridge.actions.registry import Action
from bridge.auth import Claims, TokenVerifier
from bridge.authentication import Authenticated, ClientName, read_authenticate
from bridge.capabilities import Capability, known_capabilities
from bridge.dial import Dial, person_of
from bridge.errors import (
    AUTH_FAILED,
    INTERNAL_ERROR,
    INVALID_MESSAGE,
    INVALID_TOKEN,
    ActionError,
    CloseCode,
    Disconnect,
    Fault,
    StoreError,
    unknown_type,
)
from bridge.events import as_seen_by
from bridge.identity import find_user, identity_of
from bridge.ids import fresh_id
from bridge.models import Identity, User, profile_of
from bridge.outbox import Outbox
from bridge.protocol import BadFrame, Command
from bridge.pushes import encode_push
from bridge.rates import Bucket, Rate
from bridge.resuming import Comeback, source_for
from bridge.rows import user_row
from bridge.shadow import Reading, Shadow
from bridge.signed_in import Session
from bridge.usage.programs import named

MAX_LOGGED_CHARACTERS = 40
OK = "ok"
UNKNOWN = "unknown"

log = structlog.get_logger(__name__)


class Ping(Struct, frozen=True):
    """Request of ping."""


class Pong(Struct, frozen=True):
    """Result of ping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one client may use, in commands, seconds and the like."""

    max_waiting_commands: int
    frames: Rate
    auth_deadline_seconds: float
    silence_limit_seconds: float
    leeway: timedelta
    phone_identity: bool


class Connection:
    """The commands of one socket, in order (design decision 4, contract F24)."""

    def __init__(
        self,
        context: Context,
        verifier: TokenVerifier,
        outbox: Outbox,
        limits: Limits,
        dial: Dial,
        shadow: Shadow | None = None,
    ) -> None:
        self.id = fresh_id()
        self.session: Session | None = None
        self._context = context
        self._verifier = verifier
        self._outbox = outbox
        self._limits = limits
        self._shadow = shadow
        self._bucket = Bucket(limits.frames, context.clock)
        self._dial = dial
        self._commands: deque[Command] = deque()
        self.retiring: Disconnect | None = None
        """Why and with what words it ends, once nothing more is taken."""
        self._arrived = asyncio.Event()
        context.measures.opened.add()
        self._authenticated = asyncio.Event()

    def receive(self, frame: object) -> None:
        """Take one frame from the socket; never waits. Pings are answered at once, the rest waits for its turn."""
        if self._outbox.is_closing or self.retiring is not None:
            return
        if not self._may_send():
            self._outbox.disconnect(Disconnect(CloseCode.TOO_FAST, "too fast"))
            return
        try:
            if not isinstance(frame, str):
                raise BadFrame  # the protocol has no binary frames; Quart gives None for an empty one
            command = protocol.decode(frame)
        except BadFrame as bad:
            self._refuse(INVALID_MESSAGE, bad.request_id)
            self._context.measures.commands.add("unreadable", INVALID_MESSAGE.code.value)
            return
        if command.type == "ping":
            self._reply("pong", Pong(), command)
            self._context.measures.commands.add("ping", OK)
        elif len(self._commands) >= self._limits.max_waiting_commands:
            self._outbox.disconnect(Disconnect(CloseCode.TOO_MANY_COMMANDS, "too many commands waiting"))
        else:
            self._commands.append(command)
            self._arrived.set()

    def _may_send(self) -> bool:
        """Count a frame, whatever is in it: even a broken one is read and answered."""
        if not self._bucket.take():
            return False
        return self.session is None or self._context.guests.may_send(self.session.identity.user_id)

    def retire(self, why: Disconnect) -> None:
        """Take no more commands, finish those that were taken, then end: an acknowledged send is never cut off."""
        self.retiring = why
        self._arrived.set()

    async def work(self) -> None:
        """Handle commands one after the other, until cancelled; none is begun whose answer could not be told.

        What was begun is finished: a write that is given up half-way may have been carried out all the same, and then
        its message would come later than its place in the order of its conversation.
        """
        while True:
            while self._commands and not self._outbox.is_closing:
                command = self._commands.popleft()
                with bound_contextvars(connection_id=self.id, request_id=command.request_id, action=command.type):
                    await self._finish(self._handle(command))
            if self.retiring is not None:
                self._outbox.disconnect(self.retiring)
            self._arrived.clear()
            await self._arrived.wait()

    async def _finish(self, work: Coroutine[object, object, None]) -> None:
        """Run to the end though the connection ends meanwhile; not when the process does, and it has had its time."""
        task = asyncio.create_task(work)  # noqa: TID251  # owned here: awaited below, whatever happens
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            try:
                if self.retiring is None:
                    await asyncio.wait({task})
            finally:
                task.cancel()
            raise

    async def enforce_deadline(self) -> None:
        """Disconnect a client that has not authenticated in time; generous, for W3 fetches keys first."""
        try:
            async with asyncio.timeout(self._limits.auth_deadline_seconds):
                await self._authenticated.wait()
        except TimeoutError:  # quiet: the close code says it, and is counted
            self._outbox.disconnect(Disconnect(CloseCode.NOT_AUTHENTICATED_IN_TIME, "not authenticated in time"))

    def close(self) -> None:
        """Forget the client, but for what it had open: it may come back (contract F27)."""
        if self.session is not None:
            caller = self.session.caller
            self._context.left_rooms.leave(caller.identity.user_id, caller.rooms.joined)
        self._end_session()

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

    async def _handle(self, command: Command) -> None:
        """Answer a command, and measure it."""
        measures, clock = self._context.measures, self._context.clock
        kind = command.type if command.type in ACTIONS or command.type == "auth" else UNKNOWN
        began = clock.monotonic()
        with self._context.tracing.span(
            "command", type=kind, connection_id=self.id, request_id=str(command.request_id)
        ):
            fault = await self._answer(command)
        if fault is not None:
            self._refuse(fault, command.request_id)
        measures.commands.add(kind, OK if fault is None else fault.code.value)
        measures.command_seconds.observe(clock.monotonic() - began, kind)

    async def _answer(self, command: Command) -> Fault | None:
        """Do what a command asks, or return what to refuse it with: the one place that knows exceptions and codes.

        Style section 5.7.
        """
        action = ACTIONS.get(command.type)
        try:
            if command.type == "auth":
                await self._authenticate(command)
            elif action is None:
                raise ActionError(unknown_type(command.type))
            else:
                await self._perform(action, command)
        except ActionError as error:
            log.info("command.refused", code=error.fault.code.value)
            return error.fault
        except StoreError as error:
            log.warning("command.store_failed", cause=type(error).__name__, detail=str(error))
            return action.faults.database if action else AUTH_FAILED
        except Exception:
            log.exception("command.failed")
            return action.faults.unexpected if action else INTERNAL_ERROR
        return None

    async def _perform(self, action: Action[Struct], command: Command) -> None:
        if self.session is None:
            raise ActionError(action.faults.unauthenticated)
        if self.session.is_expired():
            raise ActionError(INVALID_TOKEN)
        caller, token = self.session.caller, self.session.token
        cursor = "" if self._shadow is None else self._context.history.cursor()
        outcome: Outcome = await action.perform(command.payload, caller, self._context)
        try:
            self._reply(action.reply, outcome.result, command)
        finally:
            # Whatever becomes of the reply: a write that keeps its place in line holds up its conversation for ever.
            if outcome.then is not None:
                outcome.then()
        if self._shadow is not None:
            self._shadow.take(Reading(action.name, outcome.result, caller.identity, token, cursor))

    async def _authenticate(self, command: Command) -> None:
        """Verify the token and become its user; a failed attempt leaves the connection as it was."""
        asked = read_authenticate(command.payload)
        claims = await self._verifier.verify(asked.token)
        if self._context.logins.has_ended(claims.login_id):
            log.info("token.refused", cause="signed out")
            raise ActionError(INVALID_TOKEN)
        user = await find_user(claims, self._context.store.users, phone_identity=self._limits.phone_identity)
        identity = identity_of(user, claims)
        capabilities = known_capabilities(asked.capabilities)
        seat = await self._dial.admit(person_of(user, asked.client), capabilities, self._outbox)
        if seat is not None and self._dial.turns_away(seat):
            row = user_row(user, claims.auth_id, claims.email)
            self._reply("auth_success", seat.farewell(row, self._context.history.cursor()), command)
            self._dial.turn_away(seat)  # no session begins
            return
        source = source_for(
            asked.cursor,
            capabilities,
            identity,
            self.session,
            self._limits.silence_limit_seconds,
            self._context,
        )
        comeback = Comeback(identity, source, self._context, all_or_nothing=bool(asked.cursor))
        await comeback.prepare()
        previous = self.session.caller if self.session else None
        rooms = previous.rooms if previous and previous.identity == identity else self._resumed_rooms(identity)
        self._end_session()
        self._context.profiles.remember(profile_of(user))
        caller = Caller(identity=identity, user=user, rooms=rooms, capabilities=capabilities)
        self.session = Session(
            caller,
            claims,
            self._outbox,
            self._context,
            self._limits.leeway,
            token="" if self._shadow is None else asked.token,
        )
        self._authenticated.set()
        self._dial.take(seat)
        self._welcome(user, claims, comeback, command, shown_cursor=asked.cursor)
        self._context.presence.connect(identity)
        self._context.guests.arrive(identity.user_id, self._outbox)
        self._context.logins.arrive(claims.login_id, asked.token, self._outbox)
        self._note(user, asked.client)

    def _note(self, user: User, client: ClientName) -> None:
        self._context.usage.asked("socket", named(client.name, client.version), user.id)
        log.info(
            "session.authenticated",
            user_id=user.id,
            client=client.name[:MAX_LOGGED_CHARACTERS],
            version=client.version[:MAX_LOGGED_CHARACTERS],
        )

    def _welcome(
        self, user: User, claims: Claims, comeback: Comeback, command: Command, *, shown_cursor: str | None
    ) -> None:
        """Answer, tell what was missed, take a place in the hub; no await in between.

        So no push overtakes auth_success, and none falls between what is told again and what is told live.
        """
        session = self.session
        if session is None:
            raise AssertionError("welcomed without a session")
        missed = comeback.entries(session.takes)
        result = Authenticated(
            user=user_row(user, claims.auth_id, claims.email),
            capabilities=sorted(session.capabilities),
            cursor=self._context.history.cursor() if missed is None or not shown_cursor else shown_cursor,
            resumed=missed is not None and shown_cursor is not None,
            rollout=self._dial.shown(self._outbox),
        )
        self._reply("auth_success", result, command)
        self._context.measures.comebacks.add("lost" if missed is None else "replayed" if missed else "nothing_missed")
        self._context.measures.replayed.add(by=len(missed or ()))
        now = self._context.clock.now()
        for entry in missed or ():
            session.deliver(encode_push(as_seen_by(session.identity, entry.event), entry.cursor, now))
        if Capability.CONNECTION_STATUS in session.capabilities:
            self._outbox.put(encode_push(self._context.health.current, self._context.history.cursor(), now))
        self._context.hub.attach(session)

    def _resumed_rooms(self, identity: Identity) -> Rooms:
        """Return what this user's last connection had open; who is a member still is looked at when it matters."""
        return Rooms(joined=dict.fromkeys(self._context.left_rooms.take(identity.user_id)))

    def _reply(self, reply_type: str, result: object, command: Command) -> None:
        now = self._context.clock.now()
        self._outbox.put(protocol.reply(reply_type, result, command.request_id or fresh_id(), now))

    def _refuse(self, fault: Fault, request_id: str | None) -> None:
        self._outbox.put(protocol.error(fault, request_id, fresh_id(), self._context.clock.now()))
