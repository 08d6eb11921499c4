"""The project as the tools reach it over HTTP: PostgREST with the secret key, and the bridge's own store."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeVar
from urllib.parse import urlsplit

import httpx

from bridge.app import create_bridge
from bridge.settings import Settings
from bridge.store import Store
from migration.errors import Refused

TIMEOUT_SECONDS: Final = 30.0
MULTIPLE_CHOICES: Final = 300
OTHER_DATABASE: Final = "SUPABASE_URL and MIGRATION_DATABASE_URL are not the same database."
NOT_FOUND: Final = 404

_NOT_OURS: Final[Mapping[str, object]] = {
    "rollout_file": None,
    "rollout_provider": None,
    "usage": "off",
    "usage_file": None,
    "compat": False,
    "compat_disabled": None,
    "compat_deprecation_file": None,
    "compat_brownouts": False,
    "traces": False,
}
"""What belongs to a bridge that serves: files that may be wrong, or would be written, have no part in a question."""

T = TypeVar("T")


class Rest:
    """Requests to one project; whoever has got an answer looks at its status."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def get(self, path: str, *, key: str | None = None, bearer: str | None = None, **params: str) -> httpx.Response:
        """Ask, with another key, or as whom an access token is made out to.

        Raises:
            Refused: nobody answers.

        """
        headers = key_headers(key) if key else {}
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        try:
            return self._http.get(path, params=params, headers=headers)
        except httpx.HTTPError as error:
            raise Refused(f"SUPABASE_URL does not answer: {type(error).__name__}.") from error

    def takes(self, key: str) -> bool:
        """Tell whether the project's gateway knows a key: what the tables answer depends on policies, too.

        Raises:
            Refused: nobody answers.

        """
        return self.get("/auth/v1/settings", key=key).status_code not in {401, 403}

    def prove(self) -> None:
        """See that the key is taken and that there is a chat.

        Raises:
            Refused: it is not, or there is none.

        """
        status = self.get("/rest/v1/messages", select="id", limit="1").status_code
        if status in {401, 403}:
            raise Refused(f"The project refuses SUPABASE_SECRET_KEY with status {status}.")
        if status == NOT_FOUND:
            raise Refused("This project is not a chat: PostgREST knows no table messages.")
        if status >= MULTIPLE_CHOICES:
            raise Refused(f"The project does not answer as PostgREST does: status {status}.")


def key_headers(key: str) -> dict[str, str]:
    """Return what PostgREST wants to see of a key, old or new (supabase.md 1.2)."""
    return {"apikey": key, "Authorization": f"Bearer {key}"}


@contextmanager
def reached(settings: Settings) -> Iterator[Rest]:
    """Reach a project with the secret key until the block ends."""
    headers = key_headers(settings.supabase_secret_key.get_secret_value())
    with httpx.Client(base_url=settings.supabase_url, headers=headers, timeout=TIMEOUT_SECONDS) as http:
        yield Rest(http)


def host(settings: Settings) -> str:
    """Return what a report may name."""
    return urlsplit(settings.supabase_url).hostname or settings.supabase_url


def asked(settings: Settings, question: Callable[[Store], Awaitable[T]]) -> T:
    """Ask the store of a bridge that is put together as the real one, and taken apart again.

    Raises:
        StoreError: the tables cannot be read.
        SchemaUnusable: tables or columns are missing.

    """

    async def ask() -> T:
        bridge = create_bridge(settings.model_copy(update=_NOT_OURS))
        try:
            await bridge.context.store.check()
            return await question(bridge.context.store)
        finally:
            await bridge.http.aclose()

    return asyncio.run(ask())
