"""Whom sealed copies are for: members only, each by its users.id (contract ws-protocol section 4, step 12)."""

from __future__ import annotations

from collections.abc import Mapping, Set

import msgspec
from msgspec import Raw

from bridge.actions.context import Context
from bridge.errors import ActionError, ErrorCode, Fault
from bridge.identity import users_of
from bridge.ids import canonical_uuid
from bridge.models import UserId

MAX_RECIPIENTS = 500

SEALED_MALFORMED = Fault(
    ErrorCode.INVALID_ENCRYPTED_CONTENTS,
    "encryptedContents must be an object with user_id -> encrypted_content mappings",
)


def read_sealed(raw: Raw) -> Mapping[str, str]:
    """Return the copies as a client sent them, by ids of either kind.

    Raises:
        ActionError: INVALID_ENCRYPTED_CONTENTS, for anything but an object of texts with uuids as keys, an empty one
            and one with an empty text too.

    """
    try:
        sealed = msgspec.json.decode(raw, type=dict[str, str])
    except (msgspec.DecodeError, RecursionError) as error:
        raise ActionError(SEALED_MALFORMED) from error
    ids = [canonical_uuid(one) for one in sealed]
    if not sealed or None in ids or not all(sealed.values()) or len(sealed) > MAX_RECIPIENTS:
        raise ActionError(SEALED_MALFORMED)
    return {one.lower(): copy for one, copy in sealed.items()}


async def recipients_of(sealed: Mapping[str, str], members: Set[UserId], context: Context) -> Mapping[UserId, str]:
    """Return the copies by users.id; what is for nobody or for somebody who is no member (any more) is left out.

    Raises:
        StoreError: ids that are no member's cannot be looked up; some may be auth ids.

    """
    known = {UserId(one): copy for one, copy in sealed.items() if one in members}
    others = [one for one in sealed if one not in members]
    if others:
        found = await context.store.users.by_any_ids(others)
        for one in others:
            user = next(iter(users_of([one], found) or ()), None)
            if user is not None and user.id in members:
                known.setdefault(user.id, sealed[one])
    return known
