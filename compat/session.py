"""The doorway of the old endpoints: who sends a request (contract legacy-rest section 1).

    @blueprint.get("/api/chat/conversations")
    async def conversations() -> ResponseReturnValue:
        visitor = await sessions.of(request, COOKIE)
        if visitor.caller is None:  # a valid token without users row: each endpoint has its own answer
            return {"conversations": []}
        ...

    app.register_error_handler(Refused, answer)  # compat.errors

What `of` raises as Refused carries status and text of the answer. Where a session was refreshed on the way, the new
cookies go with the response whatever becomes of the request, errors included: nobody has to pass them on. A StoreError
means that the users could not be read, an ActionError that the token could not be judged: the server's own trouble.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum

import structlog
from quart import Request, after_this_request
from quart.typing import ResponseTypes

from bridge.actions.context import Caller, Rooms
from bridge.auth import Claims, TokenExpired, TokenVerifier
from bridge.errors import INVALID_TOKEN, ActionError
from bridge.identity import find_user, identity_of
from bridge.store.people import UserStore
from compat import cookies
from compat.cookies import StoredSession
from compat.errors import Refused
from compat.origins import SAFE_METHODS, comes_from_own_page
from compat.refreshing import Refreshes

FOREIGN_PAGE = "Cross-origin request refused"
_SCHEME = "Bearer "

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """How callers of an endpoint say who they are, and what they are told if that will not do.

    On an endpoint for cookies a bearer token is taken too where no cookie does: the original ignored it, and no
    client sends one. On the others a cookie counts for nothing.
    """

    takes_cookies: bool
    without_token: str
    with_bad_token: str


COOKIE = Kind(takes_cookies=True, without_token="Unauthorized", with_bad_token="Unauthorized")
BEARER = Kind(
    takes_cookies=False,
    without_token="Missing or invalid authorization header",
    with_bad_token="Invalid token",
)
PROFILE = Kind(
    takes_cookies=False,
    without_token="Missing or invalid authorization header",
    with_bad_token="Invalid or expired token",
)
"""The original wanted header and cookie; the header is enough (contract legacy-rest 3.9)."""


class Reason(Enum):
    """Why nobody is known."""

    NO_TOKEN = "no token"
    INVALID = "invalid token"
    EXPIRED = "expired token"


class NotAuthenticated(Refused):
    """Nobody the endpoint could work for; 401."""

    def __init__(self, kind: Kind, reason: Reason) -> None:
        super().__init__(401, kind.without_token if reason is Reason.NO_TOKEN else kind.with_bad_token)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Visitor:
    """Whose token came with a request; without caller, somebody who has no users row."""

    claims: Claims
    caller: Caller | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What operators may choose."""

    cookie_name: str
    secure: bool
    trusted_origins: frozenset[str]
    phone_identity: bool


class Sessions:
    """Knows visitors by their cookies and tokens; without `refreshes`, an expired session is at its end."""

    def __init__(self, verifier: TokenVerifier, users: UserStore, refreshes: Refreshes | None, rules: Rules) -> None:
        self._verifier = verifier
        self._users = users
        self._refreshes = refreshes
        self._rules = rules

    @property
    def cookie_name(self) -> str:
        """Return the name of the cookie in which browsers keep their sessions."""
        return self._rules.cookie_name

    async def of(self, request: Request, kind: Kind) -> Visitor:
        """Return who sends a request.

        Raises:
            NotAuthenticated: nobody.
            Refused: a page of somebody else wants to change something with the visitor's cookies.
            ActionError: AUTH_ERROR or CONFIG_ERROR, the token cannot be judged now.
            StoreError: the users rows cannot be read.

        """
        stored, replaced = self._stored(request) if kind.takes_cookies else (None, ())
        if stored is None:
            return await self._visitor(await self._verified(_bearer_token(request), kind))
        if request.method not in SAFE_METHODS:
            self._refuse_foreign_page(request)
        return await self._visitor(await self._by_cookie(stored, replaced, kind))

    def _stored(self, request: Request) -> tuple[StoredSession | None, Collection[str]]:
        """Return what the browser keeps, and the names of the cookies it is kept in."""
        header = "; ".join(request.headers.getlist("Cookie"))
        selected = cookies.select(header, self._rules.cookie_name)
        return cookies.read(selected, self._rules.cookie_name), selected.keys()

    def _refuse_foreign_page(self, request: Request) -> None:
        """Let a visitor's cookies change nothing at the wish of another site.

        Raises:
            Refused: the page is not ours.

        """
        headers = request.headers
        if not comes_from_own_page(
            origin=headers.get("Origin"),
            fetch_site=headers.get("Sec-Fetch-Site"),
            host=headers.get("Host", ""),
            trusted=self._rules.trusted_origins,
        ):
            log.info("request.foreign_page")
            raise Refused(403, FOREIGN_PAGE)

    async def _by_cookie(self, stored: StoredSession, replaced: Collection[str], kind: Kind) -> Claims:
        try:
            return await self._verified(stored.access_token, kind)
        except NotAuthenticated as refused:
            if refused.reason is not Reason.EXPIRED or self._refreshes is None:
                raise
            successor = await self._refreshes.successor(stored)
            if successor is None:
                raise
        # Before anything else can fail: the old refresh token is spent, and this is all that is left of the session.
        name, secure = self._rules.cookie_name, self._rules.secure
        _set_on_response(cookies.write(successor.fields, stored.form, name, replaced, secure=secure))
        return await self._verified(successor.access_token, kind)

    async def _verified(self, token: str | None, kind: Kind) -> Claims:
        if token is None:
            raise NotAuthenticated(kind, Reason.NO_TOKEN)
        try:
            return await self._verifier.verify(token)
        except TokenExpired:
            raise NotAuthenticated(kind, Reason.EXPIRED) from None
        except ActionError as error:
            if error.fault is not INVALID_TOKEN:
                raise
            raise NotAuthenticated(kind, Reason.INVALID) from None

    async def _visitor(self, claims: Claims) -> Visitor:
        try:
            user = await find_user(claims, self._users, phone_identity=self._rules.phone_identity)
        except ActionError:  # quiet: USER_NOT_FOUND, there is no other, and the visitor says so
            return Visitor(claims=claims, caller=None)
        return Visitor(claims=claims, caller=Caller(identity=identity_of(user, claims), user=user, rooms=Rooms()))


def _bearer_token(request: Request) -> str | None:
    """Return what follows `Bearer `, with capital B and one space: nothing else was ever understood."""
    header = request.headers.get("Authorization", "")
    return header.removeprefix(_SCHEME) if header.startswith(_SCHEME) else None


def _set_on_response(set_cookies: Sequence[str]) -> None:
    """Put cookies on the response to come, be it an error, and keep shared caches from keeping them."""

    @after_this_request
    def set_cookies_on(response: ResponseTypes) -> ResponseTypes:
        for one in set_cookies:
            response.headers.add("Set-Cookie", one)
        response.headers["Cache-Control"] = "private, no-store"
        return response
