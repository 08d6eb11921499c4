"""Whom ids in a request mean: a client may give ids of either kind, and its own (contract F1, F5)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import structlog

from bridge.actions.context import Caller, Context
from bridge.errors import ActionError, ErrorCode, Fault, StoreError
from bridge.identity import users_of
from bridge.ids import canonical_uuid
from bridge.models import User

MAX_PARTICIPANTS = 500

ADD_FAILED = Fault(ErrorCode.DATABASE_ERROR, "Failed to add participants")
TOO_MANY = Fault(ErrorCode.INVALID_DATA, "Too many participants")

log = structlog.get_logger(__name__)


class NobodyMeant(ActionError):
    """Some ids mean nobody; the old endpoints name them."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(ADD_FAILED)
        self.ids = tuple(ids)


class NotLookedUp(ActionError):
    """Nobody knows whom the ids mean: one is no uuid, or the tables did not say."""


def each_once(ids: Iterable[str]) -> Collection[str]:
    """Return every id once, in its canonical form if it has one.

    Raises:
        ActionError: too many.

    """
    found = dict.fromkeys(canonical_uuid(one) or one for one in ids)
    if len(found) > MAX_PARTICIPANTS:
        raise ActionError(TOO_MANY)
    return found


async def others_meant(ids: Collection[str], caller: Caller, context: Context, *, unreadable: Fault) -> list[User]:
    """Return whom these ids mean, each person once and without the caller, who may have named itself.

    Raises:
        NobodyMeant: some mean nobody.
        NotLookedUp: one is no uuid; or the users cannot be read, then with the fault `unreadable`.

    """
    if any(canonical_uuid(one) is None for one in ids):
        raise NotLookedUp(ADD_FAILED)
    strangers = [one for one in ids if one not in caller.identity.ids]
    try:
        rows = await context.store.users.by_any_ids(strangers) if strangers else []
    except StoreError as error:
        log.warning("people.not_looked_up", cause=type(error).__name__, detail=str(error))
        raise NotLookedUp(unreadable) from error
    found = users_of(strangers, rows)
    if found is None:
        raise NobodyMeant([one for one in strangers if users_of([one], rows) is None])
    return [user for user in found if user.id != caller.identity.user_id]
