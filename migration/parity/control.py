"""The old way: what legacy clients ask of PostgREST, as their own user (contract legacy-supabase section 2)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import httpx
import msgspec
from msgspec import Struct

from bridge.settings import Settings
from migration.errors import Interrupted, Refused

TIMEOUT_SECONDS: Final = 30.0
ROW_CAP: Final = 1000
"""Supabase cuts answers off there, without a word."""

Body = Mapping[str, object]
Rows = Sequence[Mapping[str, object]]


class OldWayFailed(Exception):
    """PostgREST said no; the text is its code, which names no row."""


class Person(Struct, frozen=True, kw_only=True):
    """Somebody who can sign in."""

    user_id: str
    auth_id: str
    token: str


class _Refusal(Struct):
    code: str = ""


class Control:
    """Requests of one person."""

    def __init__(self, http: httpx.AsyncClient, public_key: str, token: str) -> None:
        self._http = http
        self._headers = {"apikey": public_key, "Authorization": f"Bearer {token}"}

    async def rows(self, table: str, **filters: str) -> Rows:
        """Read rows of a table, as this person sees them.

        Raises:
            OldWayFailed: PostgREST refuses.
            Interrupted: nobody answers any more.

        """
        return await self._asked("GET", f"/rest/v1/{table}", filters, None)

    async def call(self, function: str, **arguments: object) -> Rows:
        """Call a function that returns rows.

        Raises:
            OldWayFailed: it fails, or there is none.
            Interrupted: nobody answers any more.

        """
        return await self._asked("POST", f"/rest/v1/rpc/{function}", None, arguments)

    async def _asked(self, method: str, path: str, params: Mapping[str, str] | None, body: Body | None) -> Rows:
        try:
            answer = await self._http.request(method, path, params=params, json=body, headers=self._headers)
        except httpx.HTTPError as error:
            raise Interrupted(f"SUPABASE_URL does not answer any more: {type(error).__name__}.") from error
        try:
            if answer.is_success:
                return msgspec.json.decode(answer.content, type=list[dict[str, object]])
            code = msgspec.json.decode(answer.content, type=_Refusal).code
        except msgspec.DecodeError:
            code = ""
        raise OldWayFailed(code or str(answer.status_code))


class Project:
    """The project, as somebody with the secret key and as anybody with the public one."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self._http = http
        self._secret_key = settings.supabase_secret_key.get_secret_value()
        public = settings.supabase_publishable_key
        self._public_key = public.get_secret_value() if public else self._secret_key

    def of(self, person: Person) -> Control:
        """Return the requests of a person."""
        return Control(self._http, self._public_key, person.token)

    def everything(self) -> Control:
        """Return requests that see every row."""
        return Control(self._http, self._secret_key, self._secret_key)


@asynccontextmanager
async def project(settings: Settings, at_once: int) -> AsyncIterator[Project]:
    """Reach the project until the block ends.

    Raises:
        Refused: it does not answer, or not with this key.

    """
    limits = httpx.Limits(max_connections=at_once * 2)
    async with httpx.AsyncClient(base_url=settings.supabase_url, timeout=TIMEOUT_SECONDS, limits=limits) as http:
        found = Project(http, settings)
        try:
            await found.everything().rows("users", select="id", limit="1")
        except OldWayFailed as error:
            raise Refused(f"The project does not let SUPABASE_SECRET_KEY read users: {error}.") from None
        except Interrupted:
            raise Refused("SUPABASE_URL does not answer.") from None
        yield found
