"""What somebody chooses for itself: default retention, and the texts of its profile (contract legacy-rest 3.8, 3.9)."""

from __future__ import annotations

import re
from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Faults, action
from bridge.errors import AUTH_REQUIRED, INVALID_MESSAGE, ActionError, ErrorCode, Fault
from bridge.models import MOST_DAYS, ProfileChanges
from bridge.people_rows import OwnProfileRow, own_profile_row

MAX_BIO_CHARACTERS = 500
MAX_WEBSITE_CHARACTERS = 2048

_LABEL = r"[a-z0-9-]+"
_WEBSITE: Final = re.compile(
    rf"(?:https?://)?(?:{_LABEL}\.)+[a-z]{{2,6}}(?::[0-9]{{1,5}})?(?:[/?#][^\s<>\"\x00-\x1f\x7f]*)?",
    re.ASCII | re.IGNORECASE,
)
"""The scheme may be missing; a dot and a top level of 2 to 6 letters may not (contract legacy-rest section 3.9)."""

DAYS_INVALID = Fault(ErrorCode.INVALID_DATA, "Invalid retention days value")
RETENTION_UNKNOWN = Fault(ErrorCode.DATABASE_ERROR, "Failed to fetch user settings")
RETENTION_UNCHANGED = Fault(ErrorCode.DATABASE_ERROR, "Failed to update settings")
BIO_NO_TEXT = Fault(ErrorCode.INVALID_DATA, "Bio must be a string")
WEBSITE_NO_TEXT = Fault(ErrorCode.INVALID_DATA, "Website must be a string")
BIO_TOO_LONG = Fault(ErrorCode.INVALID_DATA, f"Bio must be {MAX_BIO_CHARACTERS} characters or less")
WEBSITE_INVALID = Fault(ErrorCode.INVALID_DATA, "Please enter a valid website URL")
PROFILE_GONE = Fault(ErrorCode.USER_NOT_FOUND, "Profile update failed - user not found or permission denied")

_LOAD = Faults(unauthenticated=AUTH_REQUIRED, malformed=INVALID_MESSAGE, database=RETENTION_UNKNOWN)
_SET = Faults(unauthenticated=AUTH_REQUIRED, malformed=DAYS_INVALID, database=RETENTION_UNCHANGED)
_UPDATE = Faults(
    unauthenticated=AUTH_REQUIRED,
    malformed=Fault(ErrorCode.INVALID_DATA, "Bio and website must be strings"),
    database=Fault(ErrorCode.DATABASE_ERROR, "Failed to update profile"),
)

Days = Annotated[int, Meta(description="How many days one's messages are kept by default; 0 is for ever.")]


class LoadRetention(Struct, frozen=True):
    """Request of load_retention."""


class RetentionLoaded(Struct, frozen=True):
    """Result of load_retention."""

    days: Days


class SetRetention(Struct, frozen=True):
    """Request of set_retention."""

    days: Annotated[int, Meta(description=f"0 is for ever; more than {MOST_DAYS} count as so many.")]


class RetentionSet(Struct, frozen=True):
    """Result of set_retention."""

    days: Days


class UpdateProfile(Struct, frozen=True):
    """Request of update_profile; what is absent stays as it is, and an empty text becomes null."""

    bio: Annotated[str | UnsetType, Meta(description=f"At most {MAX_BIO_CHARACTERS} characters.")] = UNSET
    website: Annotated[str | UnsetType, Meta(description="An address; the scheme may be missing.")] = UNSET


class ProfileUpdated(Struct, frozen=True):
    """Result of update_profile: the profile as it is now."""

    user: OwnProfileRow


@action("load_retention", LoadRetention, reply="retention_loaded", result=RetentionLoaded, faults=_LOAD)
async def load_retention(request: LoadRetention, caller: Caller, context: Context) -> Outcome:
    """Tell for how long one's messages are kept where the conversation does not say otherwise."""
    days = await context.store.accounts.retention_days(caller.identity.user_id)
    if days is None:
        raise ActionError(RETENTION_UNKNOWN)
    return Outcome(result=RetentionLoaded(days))


@action("set_retention", SetRetention, reply="retention_set", result=RetentionSet, faults=_SET)
async def set_retention(request: SetRetention, caller: Caller, context: Context) -> Outcome:
    """Choose for how long one's new messages are kept where the conversation does not say otherwise."""
    if request.days < 0:
        raise ActionError(DAYS_INVALID)
    days = min(request.days, MOST_DAYS)
    if not await context.store.accounts.set_retention_days(caller.identity.user_id, days):
        raise ActionError(RETENTION_UNCHANGED)  # a write that changed nothing is no success
    return Outcome(result=RetentionSet(days))


@action(
    "update_profile",
    UpdateProfile,
    reply="profile_updated",
    result=ProfileUpdated,
    faults=_UPDATE,
    refusals=[BIO_NO_TEXT, WEBSITE_NO_TEXT, BIO_TOO_LONG, WEBSITE_INVALID, PROFILE_GONE],
)
async def update_profile(request: UpdateProfile, caller: Caller, context: Context) -> Outcome:
    """Write bio and website into one's own profile."""
    bio, website = _stored(request.bio, BIO_NO_TEXT), _stored(request.website, WEBSITE_NO_TEXT)
    if bio and len(bio) > MAX_BIO_CHARACTERS:
        raise ActionError(BIO_TOO_LONG)
    if website and (len(website) > MAX_WEBSITE_CHARACTERS or not _WEBSITE.fullmatch(website)):
        raise ActionError(WEBSITE_INVALID)
    changes = ProfileChanges(bio=bio, website=website)
    profile = await context.store.accounts.update_profile(caller.identity.user_id, changes)
    if profile is None:
        raise ActionError(PROFILE_GONE)
    return Outcome(result=ProfileUpdated(own_profile_row(profile)))


def _stored(text: str | UnsetType, unusable: Fault) -> str | UnsetType | None:
    """Return what is written for a text, trimmed; the tables can hold no NUL.

    Raises:
        ActionError: with `unusable`.

    """
    if text is UNSET:
        return UNSET
    if "\0" in text:
        raise ActionError(unusable)
    return text.strip() or None
