"""An application that only says who asks, and sessions to ask it with."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from quart import Quart, ResponseReturnValue, request
from quart.typing import ResponseTypes

from bridge.errors import ActionError, StoreError
from compat import cookies
from compat.cookies import CookieForm, Shape
from compat.errors import Refused, answer
from compat.refreshing import Refreshes
from compat.session import BEARER, COOKIE, PROFILE, NotAuthenticated, Reason, Rules, Sessions
from tests.compat.auth_server import AuthServer
from tests.compat.browser import NAME, Browser
from tests.compat.stored_sessions import as_fields
from tests.parts import Parts
from tests.people import B, C, Person

Headers = Mapping[str, str]

KINDS = {"cookie": COOKIE, "bearer": BEARER, "profile": PROFILE}
HEADER_MISSING = "Missing or invalid authorization header"
UNAUTHORIZED = (401, "Unauthorized")
WHOLE = CookieForm(is_base64=True, shape=Shape.WHOLE)


class Doorway(Parts):
    """An application with an endpoint of each kind, which answers who was let in."""

    def __init__(self, *, refreshing: bool = True, phone_identity: bool = True, secure: bool = False) -> None:
        super().__init__()
        self.auth = AuthServer(self.mint, self.clock)
        self.refreshes = Refreshes(self.auth.refresh, self.clock)
        self.sessions = Sessions(
            self.verifier,
            self.store.users,
            self.refreshes if refreshing else None,
            Rules(
                cookie_name=NAME,
                secure=secure,
                trusted_origins=frozenset({"https://app.example.net"}),
                phone_identity=phone_identity,
            ),
        )
        self.reasons: list[Reason] = []
        self.app = Quart(__name__)
        self.app.config["PROPAGATE_EXCEPTIONS"] = False
        self.app.add_url_rule("/<kind>", view_func=self._let_in, methods=["GET", "POST", "PUT", "HEAD"])
        self.app.add_url_rule("/cookie/breaks", view_func=self._break)
        self.app.register_error_handler(Refused, self._refuse)
        for trouble in (ActionError, StoreError):
            self.app.register_error_handler(trouble, self._fail)

    async def _let_in(self, kind: str) -> ResponseReturnValue:
        visitor = await self.sessions.of(request, KINDS[kind])
        return {"user": visitor.caller and visitor.caller.identity.user_id, "auth": visitor.claims.auth_id}

    async def _break(self) -> ResponseReturnValue:
        await self.sessions.of(request, COOKIE)
        raise ZeroDivisionError

    async def _refuse(self, refused: Refused) -> ResponseReturnValue:
        if isinstance(refused, NotAuthenticated):
            self.reasons.append(refused.reason)
        return await answer(refused)

    async def _fail(self, _: Exception) -> ResponseReturnValue:
        return {"error": "Internal server error"}, 500

    async def send(self, kind: str, headers: Headers | None = None, method: str = "GET") -> ResponseTypes:
        """Send a request."""
        send = getattr(self.app.test_client(), method.lower())
        response: ResponseTypes = await send(f"/{kind}", headers=dict(headers or {}))
        return response

    async def ask(self, kind: str, headers: Headers | None = None, method: str = "GET") -> tuple[int, str | None]:
        """Return the status, and the users.id or the error that was told."""
        response = await self.send(kind, headers, method)
        told = await response.get_json()
        return response.status_code, told.get("error", told.get("user"))

    async def come_back(self, browser: Browser, path: str = "cookie", method: str = "GET") -> ResponseTypes:
        """Let a browser send its cookies and take those that it is given."""
        response = await self.send(path, {"Cookie": browser.header}, method)
        browser.take(response.headers.getlist("Set-Cookie"))
        return response

    def browser(self, token: str, refresh_token: str | None = "r", form: CookieForm = WHOLE) -> Browser:
        """Return a browser with a session, whose user in the cookie is somebody else."""
        session = {"access_token": token, "refresh_token": refresh_token, "user": {"id": C.auth_id}}
        return Browser().take(cookies.write(as_fields(session), form, NAME, [], secure=False))

    def expired(self, person: Person = B, refresh_token: str | None = "r", form: CookieForm = WHOLE) -> Browser:
        """Return a browser whose session has expired."""
        now = int(self.clock.now().timestamp())
        token = self.mint.hs256(person.auth_id, iat=now - 7200, exp=now - 3600, phone=person.phone)
        return self.browser(token, refresh_token, form)


@asynccontextmanager
async def doorway(*, refreshing: bool = True) -> AsyncIterator[Doorway]:
    """Run a doorway with its refreshes."""
    made = Doorway(refreshing=refreshing)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.refreshes.run())
        await asyncio.sleep(0)
        yield made
        running.cancel()


def bearer(token: str) -> Headers:
    """Return the header as clients send it."""
    return {"Authorization": f"Bearer {token}"}


def set_cookies(response: ResponseTypes) -> list[str]:
    """Return the cookies a response sets."""
    return response.headers.getlist("Set-Cookie")
