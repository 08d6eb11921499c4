"""The old way: the app's own REST endpoints (contract legacy-rest), asked as the people who are signed in there.

Only GET: nothing here can write. A session is shown as a browser would, in the cookies of @supabase/ssr; what it holds
beside the access token is made up, above all the refresh token, so that nobody's session is ever spent.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec
from msgspec import Raw

from bridge.comparison.old_way import OldWayFailed
from compat import cookies
from compat.cookies import CookieForm, Shape
from migration.errors import Interrupted, Refused
from migration.parity.control import TIMEOUT_SECONDS, Person
from migration.parity.people import claims_of

KNOCK: Final = "/api/chat/conversations"
KNOCKS: Final = 3
"""With so many people's sessions: one of them may have ended."""
NO_JSON: Final = "no_json"
OTHER_KEYS: Final = "other_keys"
_NOBODYS_REFRESH_TOKEN: Final = "none"
_HEADERS: Final = {"User-Agent": "chat-bridge-parity", "Accept": "application/json"}
_FORM: Final = CookieForm(is_base64=True, shape=Shape.WHOLE)

T = TypeVar("T")


def session_cookies(person: Person, name: str) -> str:
    """Return the Cookie header of somebody who is signed in at the app."""
    claims = claims_of(person.token)
    session: Mapping[str, object] = {
        "access_token": person.token,
        "token_type": "bearer",
        "expires_in": claims.exp - claims.iat,
        "expires_at": claims.exp,
        "refresh_token": _NOBODYS_REFRESH_TOKEN,
        "user": {"id": person.auth_id, "aud": "authenticated", "role": "authenticated"},
    }
    fields = {key: Raw(msgspec.json.encode(value)) for key, value in session.items()}
    return "; ".join(f"{key}={value}" for key, value in cookies.values(fields, _FORM, name).items())


class OldEndpoints:
    """The old endpoints, as one person."""

    def __init__(self, http: httpx.AsyncClient, person: Person, cookie_name: str) -> None:
        self._http = http
        self._cookie = {"Cookie": session_cookies(person, cookie_name)}
        self._bearer = {"Authorization": f"Bearer {person.token}"}

    async def by_cookie(self, path: str, kind: type[T], **query: str) -> T:
        """Ask an endpoint that knows people by the cookies of their sessions.

        Raises:
            OldWayFailed: it refuses, or answers something else.
            Interrupted: nobody answers any more.

        """
        return _read(await self.answer(path, self._cookie, query), kind)

    async def by_bearer(self, path: str, kind: type[T]) -> T:
        """Ask an endpoint that knows people by a bearer token.

        Raises:
            OldWayFailed: it refuses, or answers something else.
            Interrupted: nobody answers any more.

        """
        return _read(await self.answer(path, self._bearer, {}), kind)

    async def knock(self) -> httpx.Response:
        """Ask what every app answers to whoever is signed in.

        Raises:
            Interrupted: nobody answers.

        """
        return await self.answer(KNOCK, self._cookie, {})

    async def answer(self, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> httpx.Response:
        """Ask, whatever the answer is.

        Raises:
            Interrupted: nobody answers.

        """
        try:
            return await self._http.get(path, params=query, headers=headers)
        except httpx.HTTPError as error:
            kind = type(error).__name__
            raise Interrupted(f"The old server of --rest-url does not answer any more: {kind}.") from error


def _read(answer: httpx.Response, kind: type[T]) -> T:
    if not answer.is_success:
        raise OldWayFailed(str(answer.status_code))
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.ValidationError:
        raise OldWayFailed(OTHER_KEYS) from None
    except msgspec.DecodeError:
        raise OldWayFailed(NO_JSON) from None


class OldServer:
    """A server that has the old endpoints: the app's own, or a bridge."""

    def __init__(self, http: httpx.AsyncClient, cookie_name: str) -> None:
        self._http = http
        self._cookie_name = cookie_name

    def of(self, person: Person) -> OldEndpoints:
        """Return the endpoints as somebody sees them."""
        return OldEndpoints(self._http, person, self._cookie_name)

    async def prove(self, people: Sequence[Person]) -> None:
        """See that it is one, and that it takes a session of one of these people.

        Raises:
            Refused: it does not answer, not as the app does, or lets nobody in.

        """
        for person in people[:KNOCKS]:
            try:
                answer = await self.of(person).knock()
            except Interrupted as error:
                raise Refused(str(error).replace(" any more", "")) from None
            self._see(answer)
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                return
        if people:
            raise Refused(
                f"The old server of --rest-url refuses the session cookie {self._cookie_name}: is it of this project,"
                " and is that the cookie's name (BRIDGE_SESSION_COOKIE)?"
            )

    def _see(self, answer: httpx.Response) -> None:
        if answer.has_redirect_location:
            to = urlsplit(answer.headers["Location"])._replace(query="", fragment="").geturl()
            raise Refused(f"The old server of --rest-url sends on to {to}: give the address that answers itself.")
        try:
            msgspec.json.decode(answer.content, type=dict[str, Raw])
        except msgspec.DecodeError:
            kind = answer.headers.get("Content-Type", "no content type").partition(";")[0]
            raise Refused(
                f"The old server of --rest-url answers {KNOCK} with status {answer.status_code} and no JSON object"
                f" ({kind}): is that the app's address?"
            ) from None
        if answer.status_code in {httpx.codes.NOT_FOUND, httpx.codes.GONE}:
            raise Refused(f"The old server of --rest-url has no {KNOCK}: status {answer.status_code}.")


@asynccontextmanager
async def old_server(url: str, cookie_name: str, at_once: int) -> AsyncIterator[OldServer]:
    """Reach an old server until the block ends.

    Raises:
        Refused: this is no address.

    """
    if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
        raise Refused("--rest-url must be an address like https://app.example.org.")
    limits = httpx.Limits(max_connections=at_once * 2)
    async with httpx.AsyncClient(base_url=url, headers=_HEADERS, timeout=TIMEOUT_SECONDS, limits=limits) as http:
        yield OldServer(http, cookie_name)
