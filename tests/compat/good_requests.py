"""A good request to each old endpoint, for tests that take away what makes it good, and the old refusals."""

from __future__ import annotations

import json
import uuid
from typing import NamedTuple

import pytest

from tests.compat.browser import NAME
from tests.compat.shims import (
    CONVERSATIONS,
    GROUPS,
    PROFILE,
    RETENTION,
    SEARCH,
    Shims,
    Told,
    is_for_cookies,
    participants,
    timer,
)
from tests.people import C, X

UNKNOWN_ID = str(uuid.UUID(int=9))
INTERNAL = (500, "Internal server error")
UNAUTHORIZED = (401, "Unauthorized")
HEADER_MISSING = (401, "Missing or invalid authorization header")
NOT_IN_IT = (403, "You are not a participant in this conversation")
DENIED = (403, "Access denied to this conversation")
NO_PARTICIPANTS = (400, "participant_ids is required and must be a non-empty array")
NO_USER_IDS = (400, "user_ids is required and must be a non-empty array")
NOT_CREATED = (500, "Failed to create conversation")
NOT_ADDED = (500, "Failed to add participants")
TWO = {"type": "direct", "participant_ids": [C.user_id]}
ROOM_OF_TWO = {"type": "room", "participant_ids": [C.user_id]}


class Request(NamedTuple):
    """A request that is all right."""

    method: str
    path: str
    body: object = None

    @property
    def content(self) -> bytes | None:
        """Return the body as it is sent."""
        return None if self.body is None else json.dumps(self.body).encode()


GOOD = {
    "list_conversations": Request("GET", CONVERSATIONS),
    "make_conversation": Request("POST", CONVERSATIONS, TWO),
    "list_participants": Request("GET", participants()),
    "let_people_in": Request("POST", participants(), {"user_ids": [X.user_id]}),
    "list_groups": Request("GET", GROUPS),
    "find_people": Request("GET", f"{SEARCH}?q=person"),
    "read_timer": Request("GET", timer()),
    "write_timer": Request("PUT", timer(), {"disappearing_messages_enabled": False}),
    "read_retention": Request("GET", RETENTION),
    "write_retention": Request("PUT", RETENTION, {"default_message_retention_days": 3}),
    "change_profile": Request("POST", PROFILE, {"bio": "x"}),
}
EACH = pytest.mark.parametrize("good", GOOD.values(), ids=GOOD)
WITH_BODY = pytest.mark.parametrize(
    "good", [one for one in GOOD.values() if one.body], ids=[name for name, one in GOOD.items() if one.body]
)
OF_A_CONVERSATION = pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("list_participants", NOT_IN_IT),
        ("let_people_in", NOT_IN_IT),
        ("read_timer", DENIED),
        ("write_timer", DENIED),
    ],
)


def without_token(good: Request) -> tuple[int, str]:
    """Return what is told to who shows nothing."""
    return UNAUTHORIZED if is_for_cookies(good.path) else HEADER_MISSING


def with_bad_token(good: Request) -> tuple[int, str]:
    """Return what is told to who shows a token that is not good."""
    if is_for_cookies(good.path):
        return UNAUTHORIZED
    return (401, "Invalid or expired token") if good.path == PROFILE else (401, "Invalid token")


async def send(s: Shims, good: Request, token: str) -> Told:
    """Send a request with this token, in the way that the endpoint wants."""
    stored = json.dumps({"access_token": token, "refresh_token": "r"}).replace('"', "%22").replace(",", "%2C")
    headers = {"Cookie": f"{NAME}={stored}"} if is_for_cookies(good.path) else {"Authorization": f"Bearer {token}"}
    return await s.told(good.method, good.path, headers, good.content)


def unchanged(s: Shims) -> tuple[object, ...]:
    """Return everything that could have been written."""
    tables = s.world.tables
    return (*tables.contents(), dict(tables.messages_by_id), dict(tables.retention_days), dict(tables.profile_texts))
