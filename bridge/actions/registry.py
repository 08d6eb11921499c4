"""Declaring an action: name, request type, reply type and the wire's fixed errors beside the handler."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import Meta, Raw, Struct

from bridge.actions.context import Caller, Context, Outcome
from bridge.errors import INTERNAL_ERROR, INVALID_TOKEN, ActionError, Fault

Q = TypeVar("Q", bound=Struct)
Handler = Callable[[Q, Caller, Context], Awaitable[Outcome]]

REQUIRED: Final = Meta(extra_json_schema={"x-required": True})
"""For a field that has a default only because its handler, not its decoder, says what is missing."""

_FIELD: Final = re.compile(r" - at `\$\.(\w+)")
"""Where in the payload msgspec found what does not fit."""


class Faults(Struct, frozen=True, kw_only=True):
    """What a client of this action hears when something is wrong (contract ws-protocol section 4)."""

    unauthenticated: Fault
    malformed: Fault
    database: Fault
    unexpected: Fault = INTERNAL_ERROR
    fields: Mapping[str, Fault] = {}
    """What a field of the wrong kind is refused with, where `malformed` would name another."""


class Reply(Struct, frozen=True):
    """What answers an action: the wire type, and what its payload is; the specification is made from it."""

    name: str
    result: type[Struct]


class Action(Generic[Q]):
    """A named operation; what its handler's docstring says is said to client authors."""

    def __init__(
        self,
        name: str,
        request: type[Q],
        handler: Handler[Q],
        *,
        reply: Reply,
        faults: Faults,
        refusals: Sequence[Fault] = (),
    ) -> None:
        self.name = name
        self.request = request
        self.reply = reply.name
        self.result = reply.result
        self.faults = faults
        self.refusals = tuple(refusals)
        self.description = inspect.getdoc(handler) or ""
        self._handler = handler
        # Built once: a decoder per frame would cost hundreds of times the decoding (style section 7.7).
        self._decoder = msgspec.json.Decoder(request, strict=False)

    @property
    def errors(self) -> tuple[Fault, ...]:
        """Return everything that it is ever refused with, each once, in the order in which it is looked at."""
        first = (self.faults.unauthenticated, INVALID_TOKEN, self.faults.malformed, *self.faults.fields.values())
        last = (self.faults.database, self.faults.unexpected)
        return tuple(dict.fromkeys((*first, *self.refusals, *last)))

    async def perform(self, payload: Raw, caller: Caller, context: Context) -> Outcome:
        """Decode the payload and do it.

        Raises:
            ActionError: refused, or the payload does not fit.
            StoreError: the tables could not be asked.

        """
        try:
            request = self._decoder.decode(payload)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ActionError(self._malformed(error)) from error
        return await self._handler(request, caller, context)

    def _malformed(self, error: Exception) -> Fault:
        found = _FIELD.search(str(error))
        return self.faults.fields.get(found[1], self.faults.malformed) if found else self.faults.malformed

    async def __call__(self, request: Q, caller: Caller, context: Context) -> Outcome:
        """Do it for a request that is decoded already (the shims)."""
        return await self._handler(request, caller, context)


def action(
    name: str, request: type[Q], *, reply: str, result: type[Struct], faults: Faults, refusals: Sequence[Fault] = ()
) -> Callable[[Handler[Q]], Action[Q]]:
    """Make a handler an action; a handler for another request type is a type error.

    `refusals`: what the handler itself refuses with, in the order in which it looks; clients hear of nothing else.
    """

    def declare(handler: Handler[Q]) -> Action[Q]:
        return Action(name, request, handler, reply=Reply(reply, result), faults=faults, refusals=refusals)

    return declare


def table(*actions: Action[Struct]) -> dict[str, Action[Struct]]:
    """Return the actions by name.

    Raises:
        ValueError: two share a name.

    """
    by_name = {one.name: one for one in actions}
    if len(by_name) != len(actions):
        raise ValueError("two actions share a name")
    return by_name
