"""The old way over HTTP: the public key, and the user's own token, as supabase-js sends them."""

from __future__ import annotations

from collections.abc import Mapping

import httpx
import msgspec
from msgspec import Struct

from bridge.comparison.old_way import OldWayFailed, OldWayUnreachable, Rows


class _Refusal(Struct):
    code: str = ""


class PostgrestAsUser:
    """Requests of one person."""

    def __init__(self, http: httpx.AsyncClient, *, url: str, public_key: str, token: str) -> None:
        self._http = http
        self._url = f"{url}/rest/v1"
        self._headers = {"apikey": public_key, "Authorization": f"Bearer {token}"}

    async def rows(self, table: str, **filters: str) -> Rows:
        """See the port."""
        return await self._asked("GET", table, filters, None)

    async def call(self, function: str, **arguments: object) -> Rows:
        """See the port."""
        return await self._asked("POST", f"rpc/{function}", None, arguments)

    async def _asked(
        self, method: str, path: str, filters: Mapping[str, str] | None, arguments: Mapping[str, object] | None
    ) -> Rows:
        try:
            answer = await self._http.request(
                method, f"{self._url}/{path}", params=filters, json=arguments, headers=self._headers
            )
        except httpx.HTTPError as error:
            raise OldWayUnreachable(type(error).__name__) from error
        try:
            if answer.is_success:
                return msgspec.json.decode(answer.content, type=list[dict[str, object]])
            code = msgspec.json.decode(answer.content, type=_Refusal).code
        except msgspec.DecodeError:
            code = ""
        raise OldWayFailed(code or str(answer.status_code))
