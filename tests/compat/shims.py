"""The old endpoints without a network: memory tables, a clock that stands still, and whoever asks."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple, cast

import pytest
from quart import Quart
from quart.testing import QuartClient
from quart.typing import ResponseTypes

from bridge.store.memory.tables import conversation_of
from compat import cookies
from compat.answering import Answering
from compat.cookies import CookieForm, Shape
from compat.deprecation import NOTHING_ENDS, Deprecations
from compat.refreshing import Refreshes
from compat.session import Rules, Sessions
from tests.compat.auth_server import AuthServer
from tests.compat.browser import NAME, Browser
from tests.compat.described import check_answer
from tests.compat.stored_sessions import as_fields
from tests.people import EVERY_KIND, ROOM, B, C, Person, conversation_id
from tests.world import World, world

PAIR = conversation_id(7)
EACH_KIND = pytest.mark.parametrize("person", EVERY_KIND, ids=lambda person: person.name)

CONVERSATIONS = "/api/chat/conversations"
GROUPS = "/api/chat/groups"
SEARCH = "/api/users/search"
RETENTION = "/api/settings/disappearing-messages"
PROFILE = "/api/profile/update"
MAX_BODY_BYTES = 65_536

Headers = Mapping[str, str]


def participants(conversation: str = ROOM) -> str:
    """Return the address of a conversation's participants."""
    return f"{CONVERSATIONS}/{conversation}/participants"


def timer(conversation: str = ROOM) -> str:
    """Return the address of a conversation's timer."""
    return f"/api/conversations/{conversation}/disappearing-messages"


def is_for_cookies(path: str) -> bool:
    """Tell whether callers of this address show a cookie."""
    return path.startswith(("/api/chat/", SEARCH))


class Told(NamedTuple):
    """An answer: its status, and its body."""

    status: int
    body: Any

    @property
    def error(self) -> tuple[int, str]:
        """Return the status and the text of an error, which has nothing else in it."""
        assert self.body.keys() == {"error"}
        return self.status, self.body["error"]


class Shims:
    """The endpoints in a world."""

    def __init__(
        self, w: World, retired: Collection[str], deprecations: Deprecations, *, refreshing: bool = False
    ) -> None:
        self.world = w
        self.auth = AuthServer(w.mint, w.clock)
        self.refreshes = Refreshes(self.auth.refresh, w.clock)
        rules = Rules(cookie_name=NAME, secure=False, trusted_origins=frozenset(), phone_identity=True)
        sessions = Sessions(w.verifier, w.store.users, self.refreshes if refreshing else None, rules)
        self.app = Quart(__name__)
        Answering(
            context=w.context,
            sessions=sessions,
            max_body_bytes=MAX_BODY_BYTES,
            retired=retired,
            deprecations=deprecations,
        ).mount(self.app)

    def cookie(self, person: Person, **claims: object) -> Headers:
        """Return the header by which a browser is known; the user in the cookie is somebody else."""
        return {"Cookie": self.browser(person, **claims).header}

    def browser(self, person: Person, **claims: object) -> Browser:
        """Return a browser with a session."""
        token = self.token(person, **claims)
        session = {"access_token": token, "refresh_token": "r", "user": {"id": C.auth_id}}
        form = CookieForm(is_base64=True, shape=Shape.WHOLE)
        return Browser().take(cookies.write(as_fields(session), form, NAME, [], secure=False))

    def bearer(self, person: Person, **claims: object) -> Headers:
        """Return the header by which a program is known."""
        return {"Authorization": f"Bearer {self.token(person, **claims)}"}

    def token(self, person: Person, **claims: object) -> str:
        """Sign a token."""
        return self.world.mint.hs256(person.auth_id, phone=person.phone, **claims)

    def known(self, person: Person, path: str) -> Headers:
        """Return the header that the address wants."""
        return self.cookie(person) if is_for_cookies(path) else self.bearer(person)

    async def send(self, method: str, path: str, headers: Headers, content: bytes | None = None) -> ResponseTypes:
        """Send a request as it is."""
        client = cast("QuartClient", self.app.test_client())
        response: ResponseTypes = await client.open(path, method=method, headers=dict(headers), data=content)
        return response

    async def told(self, method: str, path: str, headers: Headers, content: bytes | None = None) -> Told:
        """Send a request and read its answer, which is JSON whatever it is."""
        response = await self.send(method, path, headers, content)
        assert response.content_type == "application/json"
        told = Told(response.status_code, await response.get_json())
        check_answer(method, path, *told)
        return told

    async def ask(self, method: str, path: str, body: object = None, person: Person = B) -> Told:
        """Ask as somebody, with a body of JSON if there is one."""
        content = None if body is None else json.dumps(body).encode()
        return await self.told(method, path, self.known(person, path), content)

    async def get(self, path: str, person: Person = B) -> Any:
        """Return what is told to somebody who may ask."""
        told = await self.ask("GET", path, None, person)
        assert told.status == 200, told
        return told.body


@asynccontextmanager
async def shims(
    retired: Collection[str] = (), *, deprecations: Deprecations = NOTHING_ENDS, refreshing: bool = False
) -> AsyncIterator[Shims]:
    """Make the endpoints and their world."""
    async with world() as w:
        made = Shims(w, retired, deprecations, refreshing=refreshing)
        w.run(made.refreshes.run())
        yield made


def with_pair(s: Shims) -> None:
    """Let B and C have a direct conversation."""
    s.world.tables.add_conversation(conversation_of(PAIR))
    for person in (B, C):
        s.world.tables.add_participant(PAIR, person.user_id)
