"""What an `auth` frame asks for and gets."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType, json
from msgspec.structs import replace

from bridge.capabilities import Capability
from bridge.errors import MISSING_TOKEN, ActionError
from bridge.paths import Decision
from bridge.rows import Id, UserRow

MAX_NAME_CHARACTERS: Final = 40


class ClientName(Struct, frozen=True):
    """The program at the other end, as it calls itself; what is longer than any name is cut."""

    name: str = ""
    version: str = ""


class Authenticate(Struct, frozen=True):
    """Request of auth."""

    token: Annotated[str, Meta(description="The access token of the user's login, as Supabase Auth issues it.")]
    client: ClientName = ClientName()
    capabilities: Annotated[
        list[object], Meta(description="What the client understands beyond the old types; unknown names are ignored.")
    ] = []
    cursor: Annotated[
        str | None,
        Meta(description="The request id of the last push that the client got, or the `cursor` of its last `auth`."),
    ] = None


class Authenticated(Struct, frozen=True):
    """Result of auth."""

    user: UserRow
    capabilities: Annotated[list[Capability], Meta(description="Those asked for that this bridge knows.")]
    cursor: Annotated[Id, Meta(description="Where the client is now: to be shown when it comes back before any push.")]
    resumed: Annotated[
        bool, Meta(description="Whether everything since the cursor shown follows now; if not, load anew.")
    ] = False
    rollout: Annotated[
        Decision | UnsetType,
        Meta(
            description="Which path this client is to take: only with the capability `rollout`, and where one decides."
        ),
    ] = UNSET


class _TokenOnly(Struct, frozen=True):
    token: str


def read_authenticate(payload: Raw) -> Authenticate:
    """Read an auth command; what a client says of itself in a form we do not know never keeps it out.

    Raises:
        ActionError: there is no token.

    """
    try:
        asked = json.decode(payload, type=Authenticate)
    except (DecodeError, RecursionError):
        try:
            asked = Authenticate(json.decode(payload, type=_TokenOnly).token)
        except (DecodeError, RecursionError):
            raise ActionError(MISSING_TOKEN) from None
    if not asked.token:
        raise ActionError(MISSING_TOKEN)
    name, version = (text[:MAX_NAME_CHARACTERS] for text in (asked.client.name, asked.client.version))
    return replace(asked, client=ClientName(name, version))
