"""Declaring an old endpoint: its address, who may ask, and what it says when something is wrong, beside the handler."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from msgspec import Struct

from bridge.actions.context import Caller, Context
from bridge.actions.registry import Action
from compat.errors import Refusal, Wording
from compat.session import Kind

Q = TypeVar("Q", bound=Struct)
R = TypeVar("R", bound=Struct)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request whose sender is known; without caller, somebody with a valid token and no users row."""

    caller: Caller | None
    conversation_id: str = ""
    query: str = ""
    body: object = None


Handler = Callable[[Asked, Context], Awaitable[Struct]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An old address and method; `name` is what operators and the OpenAPI document call it."""

    name: str
    method: str
    path: str
    takes_query: bool
    kind: Kind
    wording: Wording
    result: type[Struct]
    bodies: Sequence[type[Struct]]
    refusals: Sequence[Refusal]
    description: str
    handle: Handler

    @property
    def takes_body_first(self) -> bool:
        """Tell whether the body is read before anybody asks who sends it (contract legacy-rest section 2)."""
        return self.method == "POST"

    @property
    def takes_body(self) -> bool:
        """Tell whether there is a body at all."""
        return bool(self.bodies)


def endpoint(
    address: str,
    kind: Kind,
    *,
    wording: Wording,
    result: type[Struct],
    bodies: Sequence[type[Struct]] = (),
    refusals: Sequence[Refusal] = (),
) -> Callable[[Handler], Endpoint]:
    """Make a handler the endpoint with this address: a method and a path, and `?q` if there is a query.

    `bodies` (one of them is sent) and `refusals` (beyond those that all have) are for the document; the handler itself
    reads and refuses.
    """

    method, _, place = address.partition(" ")
    path, _, query = place.partition("?")

    def declare(handler: Handler) -> Endpoint:
        return Endpoint(
            name=handler.__name__,
            method=method,
            path=path,
            takes_query=bool(query),
            kind=kind,
            wording=wording,
            result=result,
            bodies=bodies,
            refusals=refusals,
            description=inspect.getdoc(handler) or "",
            handle=handler,
        )

    return declare


async def perform(action: Action[Q], request: Q, caller: Caller, context: Context, result: type[R]) -> R:
    """Do an action for a request that is decoded, tell whom it concerns, and return what came of it.

    Raises:
        ActionError: refused.
        StoreError: the tables could not be asked.

    """
    outcome = await action(request, caller, context)
    if outcome.then is not None:
        outcome.then()
    if not isinstance(outcome.result, result):
        raise TypeError(f"{action.name} returned no {result.__name__}")
    return outcome.result
