"""/api/profile/update (contract legacy-rest section 3.9)."""

from __future__ import annotations

from bridge.actions.account import (
    BIO_NO_TEXT,
    BIO_TOO_LONG,
    PROFILE_GONE,
    WEBSITE_INVALID,
    WEBSITE_NO_TEXT,
    ProfileUpdated,
    update_profile,
)
from bridge.actions.context import Context
from compat import account_shapes as shapes
from compat.endpoint import Asked, endpoint, perform
from compat.errors import Refusal, Refused, Wording
from compat.reading import NO_OBJECT
from compat.session import PROFILE

PATH = "/api/profile/update"

_NOT_CHECKED = Refusal(500, "Database error while checking user")
_NO_USER = Refusal(404, "User profile not found. Please log out and log back in to refresh your session.")

UPDATE = Wording(failed="Failed to update profile", user_unknown=_NOT_CHECKED.text)


@endpoint(
    f"POST {PATH}",
    PROFILE,
    wording=UPDATE,
    bodies=[shapes.ProfileChange],
    result=shapes.ProfileChanged,
    refusals=[
        _NO_USER,
        NO_OBJECT,
        *(Refusal(400, fault.text) for fault in (BIO_NO_TEXT, WEBSITE_NO_TEXT, BIO_TOO_LONG, WEBSITE_INVALID)),
        Refusal(404, PROFILE_GONE.text),
    ],
)
async def change_profile(asked: Asked, context: Context) -> shapes.ProfileChanged:
    """Write bio and website; what is absent stays as it is."""
    if asked.caller is None:
        raise Refused(*_NO_USER)
    request = shapes.profile_change(asked.body)
    updated = await perform(update_profile, request, asked.caller, context, ProfileUpdated)
    return shapes.profile_changed(updated.user)
