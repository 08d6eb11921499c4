"""What an `auth` frame asks for and gets."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import UNSET, DecodeError, Meta, Raw, Struct, UnsetType, json

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


class _Said(Struct, frozen=True):
    """A token, and what a client says of itself, in whatever form."""

    token: str
    client: object = None
    capabilities: object = None
    cursor: object = None


class _TokenOnly(Struct, frozen=True):
    token: str


def read_authenticate(payload: Raw) -> Authenticate:
    """Read an auth command; what a client says of itself in a form we do not know is as if it had not been said.

    It never keeps the client out, and never takes what it says besides with it.

    Raises:
        ActionError: there is no token.

    """
    try:
        said = json.decode(payload, type=_Said)
    except (DecodeError, RecursionError):
        try:  # what is nested deeper than anything that we know is passed over
            said = _Said(json.decode(payload, type=_TokenOnly).token)
        except (DecodeError, RecursionError):
            raise ActionError(MISSING_TOKEN) from None
    if not said.token:
        raise ActionError(MISSING_TOKEN)
    return Authenticate(
        said.token,
        _client_name(said.client),
        said.capabilities if isinstance(said.capabilities, list) else [],
        said.cursor if isinstance(said.cursor, str) else None,
    )


def _client_name(said: object) -> ClientName:
    """Return name and version; versions are numbers now and then."""
    parts = said if isinstance(said, dict) else {}
    name, version = parts.get("name"), parts.get("version")
    shown = (str(one)[:MAX_NAME_CHARACTERS] if isinstance(one, str | int | float) else "" for one in (name, version))
    return ClientName(*shown)
