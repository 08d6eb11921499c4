"""Who is in a conversation, with names (contract legacy-rest section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from bridge.actions.authorise import require_member
from bridge.actions.context import Caller, Context, Outcome
from bridge.actions.registry import Faults, action
from bridge.errors import ACCESS_DENIED, AUTH_REQUIRED, CONVERSATION_ID_REQUIRED, ActionError, ErrorCode, Fault
from bridge.identity import users_of
from bridge.models import Member, Profile, profile_of
from bridge.people_rows import ParticipantRow, participant_row
from bridge.rows import Id

_LOAD = Faults(
    unauthenticated=AUTH_REQUIRED,
    malformed=CONVERSATION_ID_REQUIRED,
    database=Fault(ErrorCode.DATABASE_ERROR, "Failed to load participants"),
)


class LoadParticipants(Struct, frozen=True, rename="camel"):
    """Request of load_participants."""

    conversation_id: Id


class ParticipantsLoaded(Struct, frozen=True, rename="camel"):
    """Result of load_participants: the active ones, who joined first comes first."""

    conversation_id: Id
    participants: Sequence[ParticipantRow]


@action(
    "load_participants",
    LoadParticipants,
    reply="participants_loaded",
    result=ParticipantsLoaded,
    faults=_LOAD,
    refusals=[ACCESS_DENIED],
)
async def load_participants(request: LoadParticipants, caller: Caller, context: Context) -> Outcome:
    """List the active members of a conversation with their names."""
    if not request.conversation_id:
        raise ActionError(CONVERSATION_ID_REQUIRED)
    conversation_id, _ = await require_member(request.conversation_id, caller, context)
    members = await context.store.participants.active(conversation_id)
    return Outcome(result=ParticipantsLoaded(conversation_id, await _shown(members, context)))


async def _shown(members: Sequence[Member], context: Context) -> list[ParticipantRow]:
    """Show each person once, under its users.id, though a row may hold the auth id (contract data-model section 6).

    Who has no users row is left out: an id that may be an auth id is nobody's business.
    """
    unnamed = [member.user_id for member in members if member.profile is None]
    rows = await context.store.users.by_any_ids(unnamed) if unnamed else []
    shown: dict[str, ParticipantRow] = {}
    for member in members:
        profile: Profile | None = member.profile
        if profile is None:
            found = users_of([member.user_id], rows)
            profile = profile_of(found[0]) if found else None
        if profile is not None:
            shown.setdefault(profile.id, participant_row(member, profile))
    return list(shown.values())
