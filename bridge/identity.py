"""Claims to user: the identity rule, applied once at the edge (contract data-model section 6, F1, F4)."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import structlog

from bridge.auth import Claims
from bridge.errors import USER_NOT_FOUND, ActionError
from bridge.models import AuthId, Identity, User, UserId
from bridge.store.people import UserStore

log = structlog.get_logger(__name__)


async def find_user(claims: Claims, users: UserStore, *, phone_identity: bool) -> User:
    """Return the users row of a verified token: by auth_user_id, else by id, else (optionally) by phone.

    Of several rows with one auth_user_id the oldest counts. By phone only a row that is linked to nobody is found: a
    phone number that changed hands must not open another person's account.

    Raises:
        ActionError: USER_NOT_FOUND.
        StoreError: the rows cannot be read.

    """
    rows = await users.by_auth_id(claims.auth_id)
    linked = [row for row in rows if row.auth_user_id == claims.auth_id]
    if len(linked) > 1:
        log.warning("identity.ambiguous", rows=len(linked), chosen=linked[0].id)
    candidates: Sequence[User] = linked or rows
    digits = (claims.phone or "").removeprefix("+")
    if not candidates and phone_identity and digits.isascii() and digits.isdecimal():
        by_phone = await users.by_phone((digits, f"+{digits}"))
        candidates = [row for row in by_phone if row.auth_user_id is None]
    if not candidates:
        raise ActionError(USER_NOT_FOUND)
    return candidates[0]


def users_of(ids: Collection[str], rows: Sequence[User]) -> list[User] | None:
    """Return whom ids of either kind mean, each person once, in the order of the ids; None if one means nobody.

    A users.id counts before an auth id, for that is what clients ought to send; of several rows with one auth id the
    first in `rows` counts.
    """
    by_id = {row.id: row for row in rows}
    by_auth_id = {row.auth_user_id: row for row in reversed(rows) if row.auth_user_id is not None}
    found: dict[str, User] = {}
    for one in ids:
        user = by_id.get(UserId(one)) or by_auth_id.get(AuthId(one))
        if user is None:
            return None
        found[user.id] = user
    return list(found.values())


def identity_of(user: User, claims: Claims) -> Identity:
    """Return both ids of an authenticated user."""
    return Identity(user_id=user.id, auth_id=claims.auth_id)
