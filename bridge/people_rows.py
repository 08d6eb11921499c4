"""What people look like on the wire: to those who share a conversation, to strangers, and to themselves."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from bridge.clock import row_time
from bridge.models import Member, OwnProfile, OwnTimer, Profile, User
from bridge.rows import Id, SenderRow, Time, profile_row
from bridge.search import masked


class ParticipantRow(Struct, frozen=True, kw_only=True):
    """An active participant (contract legacy-rest section 3.3); `users` is one person, called like the table."""

    user_id: Id
    role: str | None
    joined_at: Time | None
    users: SenderRow


class FoundUserRow(Struct, frozen=True, kw_only=True):
    """Somebody whom a search has found (contract legacy-rest section 3.6)."""

    id: Id
    username: str
    display_name: str
    avatar_url: str | None
    phone_partial: str | None


class OwnProfileRow(Struct, frozen=True, kw_only=True):
    """The profile of the caller itself."""

    id: Id
    username: str
    display_name: str
    avatar_url: str | None
    bio: str | None
    website: str | None


class OwnTimerRow(Struct, frozen=True, kw_only=True, rename="camel"):
    """When messages disappear for the caller itself."""

    disappear_seconds: Annotated[int, Meta(ge=0, description="0 is never.")]
    start_on: Annotated[str | None, Meta(description="What starts the time: `delivered` or `read`.")]
    enabled: bool


def participant_row(member: Member, profile: Profile) -> ParticipantRow:
    """Show a participant under its users.id, whatever its row says."""
    return ParticipantRow(
        user_id=profile.id, role=member.role, joined_at=row_time(member.joined_at), users=profile_row(profile)
    )


def found_user_row(user: User) -> FoundUserRow:
    """Show somebody to strangers, who may see the end of the phone number only."""
    return FoundUserRow(
        id=user.id,
        username=user.username,
        display_name=user.display_name,
        avatar_url=user.avatar_url,
        phone_partial=masked(user.phone_number),
    )


def own_profile_row(own: OwnProfile) -> OwnProfileRow:
    """Show somebody its own profile."""
    return OwnProfileRow(
        id=own.profile.id,
        username=own.profile.username,
        display_name=own.profile.display_name,
        avatar_url=own.profile.avatar_url,
        bio=own.bio,
        website=own.website,
    )


def own_timer_row(timer: OwnTimer) -> OwnTimerRow:
    """Show somebody its own timer."""
    return OwnTimerRow(
        disappear_seconds=timer.disappear_seconds, start_on=timer.start_on, enabled=timer.disappear_seconds > 0
    )
