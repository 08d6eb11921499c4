"""The sandbox's own endpoints, for tests and people: what it is doing, what is to go wrong, tokens for anybody."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import msgspec
from aiohttp import web

from scripts.sandbox.access import Refused
from scripts.sandbox.api_faults import ApiFaultRefused, ApiFaults
from scripts.sandbox.gateway import Handler
from scripts.sandbox.postmaster import PostgresError
from scripts.sandbox.realtime.faults import FaultRefused, Faults


class Mint(Protocol):
    """Signs an access token for a sample person's name or an auth id."""

    def __call__(self, who: str, *, lifetime_seconds: float, claims: Mapping[str, object]) -> str:
        """Return the token; LookupError if there is no such person."""


class TokenRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /sandbox/token`: for whom, by sample name or auth id, and how long."""

    person: str | None = None
    sub: str | None = None
    lifetime_seconds: float = 3600
    claims: dict[str, object] = {}


class Control:
    """The handlers; `routes` is what the gateway mounts."""

    def __init__(
        self,
        *,
        faults: Faults,
        api_faults: ApiFaults,
        mint: Mint,
        status: Callable[[], Mapping[str, object]],
        crash: Callable[[], Awaitable[None]],
    ) -> None:
        self._faults = faults
        self._api_faults = api_faults
        self._mint = mint
        self._status = status
        self._crash = crash

    def routes(self) -> dict[tuple[str, str], Handler]:
        """Return the endpoints by method and path."""
        return {
            ("GET", "/sandbox/status"): self._tell_status,
            ("GET", "/sandbox/faults"): self._tell_faults,
            ("POST", "/sandbox/faults"): self._change_faults,
            ("DELETE", "/sandbox/faults"): self._reset_faults,
            ("GET", "/sandbox/metrics"): self._tell_metrics,
            ("POST", "/sandbox/token"): self._sign_token,
            ("POST", "/sandbox/postgres/crash"): self._crash_postgres,
        }

    async def _tell_status(self, request: web.Request) -> web.Response:
        return web.json_response({**self._status(), **self._snapshot()})

    async def _tell_faults(self, request: web.Request) -> web.Response:
        return web.json_response(self._snapshot())

    async def _tell_metrics(self, request: web.Request) -> web.Response:
        return web.json_response(self._faults.metrics())

    async def _reset_faults(self, request: web.Request) -> web.Response:
        self._faults.reset()
        self._api_faults.reset()
        return web.json_response(self._snapshot())

    async def _change_faults(self, request: web.Request) -> web.Response:
        """Take Realtime's switches at the top level and those of the Data API and Auth under "data_api"."""
        wanted = await _object(request)
        api_wanted = wanted.pop("data_api", {})
        before = self._api_faults.switches
        try:
            self._api_faults.apply(msgspec.convert(api_wanted, dict[str, object]))
            self._faults.apply(wanted)
        except (FaultRefused, ApiFaultRefused, msgspec.ValidationError) as error:
            self._api_faults.switches = before
            raise Refused(400, {"message": str(error)}) from error
        return web.json_response(self._snapshot())

    async def _sign_token(self, request: web.Request) -> web.Response:
        try:
            wanted = msgspec.convert(await _object(request), TokenRequest)
        except msgspec.ValidationError as error:
            raise Refused(400, {"message": str(error)}) from error
        who = wanted.person or wanted.sub
        if not who:
            raise Refused(400, {"message": "Say `person` or `sub`"})
        try:
            token = self._mint(who, lifetime_seconds=wanted.lifetime_seconds, claims=wanted.claims)
        except LookupError as error:
            raise Refused(404, {"message": str(error)}) from error
        return web.json_response({"token": token})

    async def _crash_postgres(self, request: web.Request) -> web.Response:
        """Kill the database server as kill -9 does and start it again; answered once it lets clients in."""
        try:
            await self._crash()
        except PostgresError as error:
            raise Refused(409, {"message": str(error)}) from error
        return web.json_response(self._snapshot())

    def _snapshot(self) -> dict[str, object]:
        return {**self._faults.snapshot(), "data_api": self._api_faults.snapshot()}


async def _object(request: web.Request) -> dict[str, object]:
    """Return the body, which must be a JSON object."""
    try:
        found = json.loads(await request.read())
    except ValueError as error:
        raise Refused(400, {"message": f"Not JSON: {error}"}) from error
    if not isinstance(found, dict):
        raise Refused(400, {"message": "Not a JSON object"})
    return found
