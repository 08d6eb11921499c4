"""Every command with what it takes, gives and refuses with: the registry of actions, and the two beside it."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from bridge.actions import ACTIONS
from bridge.actions.registry import Action
from bridge.authentication import Authenticate, Authenticated
from bridge.errors import (
    AUTH_FAILED,
    INTERNAL_ERROR,
    INVALID_TOKEN,
    MISSING_TOKEN,
    SERVER_CONFIG,
    USER_NOT_FOUND,
    Fault,
)
from bridge.session import Ping, Pong


class CommandSpec(Struct, frozen=True, kw_only=True):
    """A command as client authors see it; `errors` in the order in which they are looked at."""

    name: str
    request: type[Struct]
    reply: str
    result: type[Struct]
    errors: tuple[Fault, ...]
    description: str
    needs_session: bool = True


AUTH: Final = CommandSpec(
    name="auth",
    request=Authenticate,
    reply="auth_success",
    result=Authenticated,
    errors=(MISSING_TOKEN, SERVER_CONFIG, INVALID_TOKEN, USER_NOT_FOUND, AUTH_FAILED, INTERNAL_ERROR),
    description="Become the user of an access token; repeated on an open connection, it renews the token.",
    needs_session=False,
)
PING: Final = CommandSpec(
    name="ping",
    request=Ping,
    reply="pong",
    result=Pong,
    errors=(),
    description="Get an answer at once, without waiting for the commands before it; works before `auth` too.",
    needs_session=False,
)


def _of_action(action: Action[Struct]) -> CommandSpec:
    return CommandSpec(
        name=action.name,
        request=action.request,
        reply=action.reply,
        result=action.result,
        errors=action.errors,
        description=action.description,
    )


COMMANDS: Final = {one.name: one for one in (AUTH, *map(_of_action, ACTIONS.values()), PING)}
"""By wire type."""
