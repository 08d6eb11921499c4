"""One authenticated client, and the phase before it is one. No sockets here: frames come in, frames go out."""

from __future__ import annotations

import asyncio
from collections import deque

import structlog
from msgspec import Struct
from structlog.contextvars import bound_contextvars

from bridge import protocol
from bridge.actions import ACTIONS
from bridge.actions.context import Context, Outcome
from bridge.actions.registry import Action
from bridge.auth import TokenVerifier
from bridge.dial import Dial
from bridge.entrance import Entrance, Limits
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
from bridge.ids import fresh_id
from bridge.measures import OK
from bridge.outbox import Outbox
from bridge.own_faults import is_own_fault
from bridge.protocol import BadFrame, Command
from bridge.rates import Bucket
from bridge.shadow import Reading, Shadow
from bridge.signed_in import Session

UNKNOWN = "unknown"
MAX_SHOWN_CHARACTERS = 100

log = structlog.get_logger(__name__)


class Ping(Struct, frozen=True):
    """Request of ping."""


class Pong(Struct, frozen=True):
    """Result of ping."""


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
        self._context = context
        self._outbox = outbox
        self._limits = limits
        self._shadow = shadow
        self._bucket = Bucket(limits.frames, context.clock)
        self._commands: deque[Command] = deque()
        self.retiring: Disconnect | None = None
        """Why and with what words it ends, once nothing more is taken."""
        self._arrived = asyncio.Event()
        self._is_busy = False
        self._is_over = False
        context.measures.opened.add()
        self._entrance = Entrance(context, verifier, outbox, limits, dial, keeps_tokens=shadow is not None)

    @property
    def session(self) -> Session | None:
        """Return whose it is now, if it is anybody's."""
        return self._entrance.session

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
        session = self.session
        return session is None or self._context.guests.may_send(session.identity.user_id)

    def retire(self, why: Disconnect) -> None:
        """Take no more commands, finish those that were taken, then end: an acknowledged send is never cut off."""
        self.retiring = why
        self._arrived.set()

    async def work(self) -> None:
        """Handle commands one after the other, until cancelled; none is begun whose answer could not be told.

        What was begun is finished: a write that is given up half-way may have been carried out all the same, and then
        its message would come later than its place in the order of its conversation. Not so when the process ends: it
        has had its time.
        """
        # One task for all commands: one for each would give the reader several turns to one of the worker's.
        task = asyncio.create_task(self._handle_all())  # noqa: TID251  # owned here: awaited below, whatever happens
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            self._is_over = True
            try:
                if self._is_busy and self.retiring is None:
                    await asyncio.wait({task})
            finally:
                task.cancel()
            raise

    async def _handle_all(self) -> None:
        while not self._is_over:
            while self._commands and not self._outbox.is_closing and not self._is_over:
                command = self._commands.popleft()
                self._is_busy = True
                with bound_contextvars(connection_id=self.id, request_id=_shown(command), action=command.type):
                    await self._handle(command)
                self._is_busy = False
            if self.retiring is not None:
                self._outbox.disconnect(self.retiring)
            self._arrived.clear()
            if not self._is_over:
                await self._arrived.wait()

    async def enforce_deadline(self) -> None:
        """Disconnect a client that has not authenticated in time; generous, for W3 fetches keys first."""
        try:
            async with asyncio.timeout(self._limits.auth_deadline_seconds):
                await self._entrance.used.wait()
        except TimeoutError:  # quiet: the close code says it, and is counted
            self._outbox.disconnect(Disconnect(CloseCode.NOT_AUTHENTICATED_IN_TIME, "not authenticated in time"))

    def close(self) -> None:
        """Forget the client, but for what it had open: it may come back (contract F27)."""
        self._entrance.close()

    async def _handle(self, command: Command) -> None:
        """Answer a command, and measure it."""
        measures, clock = self._context.measures, self._context.clock
        kind = command.type if command.type in ACTIONS or command.type == "auth" else UNKNOWN
        began = clock.monotonic()
        with self._context.tracing.span("command", type=kind, connection_id=self.id, request_id=str(_shown(command))):
            fault = await self._answer(command)
        if fault is not None:
            self._refuse(fault, command.request_id)
        measures.commands.add(kind, OK if fault is None else fault.code.value)
        measures.command_seconds.observe(clock.monotonic() - began, kind)

    async def _answer(self, command: Command) -> Fault | None:
        """Do what a command asks, or return what to refuse it with."""
        action = ACTIONS.get(command.type)
        try:
            if command.type == "auth":
                await self._entrance.admit(command.payload, lambda result: self._reply("auth_success", result, command))
            elif action is None:
                raise ActionError(unknown_type(command.type))
            else:
                await self._perform(action, command)
        except Exception as error:  # noqa: BLE001  # _fault_of logs it
            if is_own_fault(error):
                self._context.measures.commands_failed.add(command.type)
            return _fault_of(error, action)
        return None

    async def _perform(self, action: Action[Struct], command: Command) -> None:
        session = self.session
        if session is None:
            raise ActionError(action.faults.unauthenticated)
        if session.is_expired():
            raise ActionError(INVALID_TOKEN)
        caller, token = session.caller, session.token
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

    def _reply(self, reply_type: str, result: object, command: Command) -> None:
        now = self._context.clock.now()
        self._outbox.put(protocol.reply(reply_type, result, command.request_id or fresh_id(), now))

    def _refuse(self, fault: Fault, request_id: str | None) -> None:
        self._outbox.put(protocol.error(fault, request_id, fresh_id(), self._context.clock.now()))


def _shown(command: Command) -> str | None:
    """Return the request id as logs and traces have it: clients may choose one as long as a frame."""
    return command.request_id[:MAX_SHOWN_CHARACTERS] if command.request_id else None


def _fault_of(error: Exception, action: Action[Struct] | None) -> Fault:
    """Return what a client hears: the one place that knows exceptions and codes (style section 5.7)."""
    if isinstance(error, ActionError):
        log.info("command.refused", code=error.fault.code.value)
        return error.fault
    if isinstance(error, StoreError):
        log.warning("command.store_failed", cause=type(error).__name__, detail=str(error))
        return action.faults.database if action else AUTH_FAILED
    log.error("command.failed", exc_info=error)
    return action.faults.unexpected if action else INTERNAL_ERROR
