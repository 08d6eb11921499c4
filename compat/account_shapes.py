"""The JSON of the old endpoints for what people choose for themselves (contract legacy-rest 3.8 and 3.9). Pure."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from bridge.actions import account
from bridge.actions.account import SetRetention, UpdateProfile
from bridge.people_rows import OwnProfileRow
from bridge.rows import Id
from compat.errors import Refused
from compat.reading import NO_OBJECT, Days, Text, fields_of, invalid, whole

_WEBSITE = r"^((https?://)?([A-Za-z0-9-]+\.)+[A-Za-z]{2,6}(:[0-9]{1,5})?([/?#][!#-;=?-~]*)?)?$"
_WEBSITE_NOTE = "An address; the scheme may be missing. Empty takes it away."


class Retention(Struct, frozen=True, kw_only=True):
    """Answer of GET /api/settings/disappearing-messages."""

    success: bool
    default_message_retention_days: int


class RetentionChange(Struct, frozen=True, kw_only=True):
    """Body of PUT /api/settings/disappearing-messages."""

    default_message_retention_days: Days


class RetentionChanged(Struct, frozen=True, kw_only=True):
    """Answer of PUT /api/settings/disappearing-messages."""

    success: bool
    message: str


class ProfileChange(Struct, frozen=True, kw_only=True):
    """Body of POST /api/profile/update."""

    bio: Annotated[Text, Meta(max_length=account.MAX_BIO_CHARACTERS)] | UnsetType = UNSET
    website: Annotated[str, Meta(pattern=_WEBSITE, description=_WEBSITE_NOTE)] | UnsetType = UNSET


class ShownProfile(Struct, frozen=True, kw_only=True, rename="camel"):
    """The profile as it is now; these keys were always spelt like this."""

    id: Id
    username: str
    display_name: str
    avatar_url: str | None
    bio: str | None
    website: str | None


class ProfileChanged(Struct, frozen=True, kw_only=True):
    """Answer of POST /api/profile/update."""

    success: bool
    user: ShownProfile


def retention_change(body: object) -> SetRetention:
    """Read for how long messages are to be kept.

    Raises:
        Refused: 400.

    """
    days = whole(fields_of(body).get("default_message_retention_days"))
    if days is None:
        raise invalid(account.DAYS_INVALID)
    return SetRetention(days)


def profile_change(body: object) -> UpdateProfile:
    """Read what is to be written; an absent key is unchanged.

    Raises:
        Refused: 400.

    """
    if not isinstance(body, dict):
        raise Refused(*NO_OBJECT)
    bio, website = body.get("bio", UNSET), body.get("website", UNSET)
    if not isinstance(bio, str | UnsetType):
        raise invalid(account.BIO_NO_TEXT)
    if not isinstance(website, str | UnsetType):
        raise invalid(account.WEBSITE_NO_TEXT)
    return UpdateProfile(bio=bio, website=website)


def profile_changed(row: OwnProfileRow) -> ProfileChanged:
    """Show the profile."""
    return ProfileChanged(
        success=True,
        user=ShownProfile(
            id=row.id,
            username=row.username,
            display_name=row.display_name,
            avatar_url=row.avatar_url,
            bio=row.bio,
            website=row.website,
        ),
    )
