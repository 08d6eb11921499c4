"""The old way: what legacy clients ask of PostgREST, as their own user (contract legacy-supabase section 2)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Final

import httpx
from msgspec import Struct

from bridge.comparison.old_way import OldWay, OldWayFailed, OldWayUnreachable, Rows
from bridge.comparison.postgrest import PostgrestAsUser
from bridge.models import AuthId, Identity, UserId
from bridge.settings import Settings
from migration.errors import Interrupted, Refused

TIMEOUT_SECONDS: Final = 30.0


class Person(Struct, frozen=True, kw_only=True):
    """Somebody who can sign in."""

    user_id: str
    auth_id: str
    token: str

    @property
    def identity(self) -> Identity:
        """Return both ids as the bridge has them."""
        return Identity(user_id=UserId(self.user_id), auth_id=AuthId(self.auth_id))


class Control:
    """Requests of one person; when nobody answers any more, the comparison is over."""

    def __init__(self, way: OldWay) -> None:
        self._way = way

    async def rows(self, table: str, **filters: str) -> Rows:
        """Read rows of a table, as this person sees them.

        Raises:
            OldWayFailed: PostgREST refuses.
            Interrupted: nobody answers any more.

        """
        return await _reached(self._way.rows(table, **filters))

    async def call(self, function: str, **arguments: object) -> Rows:
        """Call a function that returns rows.

        Raises:
            OldWayFailed: it fails, or there is none.
            Interrupted: nobody answers any more.

        """
        return await _reached(self._way.call(function, **arguments))


async def _reached(asking: Awaitable[Rows]) -> Rows:
    try:
        return await asking
    except OldWayUnreachable as error:
        raise Interrupted(f"SUPABASE_URL does not answer any more: {error}.") from error


class Project:
    """The project, as somebody with the secret key and as anybody with the public one."""

    def __init__(self, http: httpx.AsyncClient, settings: Settings) -> None:
        self._http = http
        self._url = settings.supabase_url
        self._secret_key = settings.supabase_secret_key.get_secret_value()
        public = settings.supabase_publishable_key
        self._public_key = public.get_secret_value() if public else self._secret_key

    def of(self, person: Person) -> Control:
        """Return the requests of a person."""
        return self._as(self._public_key, person.token)

    def everything(self) -> Control:
        """Return requests that see every row."""
        return self._as(self._secret_key, self._secret_key)

    def _as(self, key: str, token: str) -> Control:
        return Control(PostgrestAsUser(self._http, url=self._url, public_key=key, token=token))


@asynccontextmanager
async def project(settings: Settings, at_once: int) -> AsyncIterator[Project]:
    """Reach the project until the block ends.

    Raises:
        Refused: it does not answer, or not with this key.

    """
    limits = httpx.Limits(max_connections=at_once * 2)
    async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits) as http:
        found = Project(http, settings)
        try:
            await found.everything().rows("users", select="id", limit="1")
        except OldWayFailed as error:
            raise Refused(f"The project does not let SUPABASE_SECRET_KEY read users: {error}.") from None
        except Interrupted:
            raise Refused("SUPABASE_URL does not answer.") from None
        yield found
