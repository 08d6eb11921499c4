"""Bodies that are wrong: the old answer where one is recorded, else 4xx."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from bridge.actions.people_meant import MAX_PARTICIPANTS
from tests.compat.good_requests import (
    GOOD,
    INTERNAL,
    NO_PARTICIPANTS,
    NO_USER_IDS,
    NOT_ADDED,
    NOT_CREATED,
    ROOM_OF_TWO,
    TWO,
    UNKNOWN_ID,
    WITH_BODY,
    Request,
    unchanged,
    without_token,
)
from tests.compat.shims import CONVERSATIONS, MAX_BODY_BYTES, PROFILE, RETENTION, participants, shims, timer
from tests.people import OTHER_ROOM, B, C, D, E, X

ENABLED = (400, "disappearing_messages_enabled must be a boolean")
DAYS = (400, "disappearing_messages_duration_days must be a non-negative number when enabled")
SECONDS = (400, "disappear_seconds must be a non-negative number")
RETENTION_DAYS = (400, "Invalid retention days value")
NO_TYPE = (400, "Invalid conversation type")
NOT_VALIDATED = (500, "Failed to validate participants")
BIO, WEBSITE = (400, "Bio must be a string"), (400, "Website must be a string")
BAD_WEBSITE = (400, "Please enter a valid website URL")


@WITH_BODY
@pytest.mark.parametrize(
    "content", [b"", b"{", b"nonsense", b"\xff", b'{"a":}', b"[" * 100_000 + b"]", b"1" * 5000], ids=range(7)
)
async def test_a_body_that_is_not_json_is_the_old_error(good: Request, content: bytes) -> None:
    """In POST before anybody asks who it is, in PUT after that (contract legacy-rest section 2)."""
    async with shims() as s:
        before = unchanged(s)
        content = content[:MAX_BODY_BYTES]
        assert (await s.told(good.method, good.path, s.known(B, good.path), content)).error == INTERNAL
        unknown = await s.told(good.method, good.path, {}, content)
        assert unknown.error == (INTERNAL if good.method == "POST" else without_token(good))
        assert unchanged(s) == before


@WITH_BODY
async def test_what_a_body_says_it_is_does_not_matter(good: Request) -> None:
    """It is read as JSON, or it is none."""
    async with shims() as s:
        headers = {**s.known(B, good.path), "Content-Type": "text/plain"}
        assert (await s.told(good.method, good.path, headers, good.content)).status == 200


@WITH_BODY
async def test_a_body_too_large_is_refused(good: Request) -> None:
    """In POST before anybody asks who it is; the largest that is allowed is read."""
    async with shims() as s:
        before = unchanged(s)
        largest = b'"%s"' % (b"x" * (MAX_BODY_BYTES - 2))
        known = s.known(B, good.path)
        assert (await s.told(good.method, good.path, known, largest)).status == 400
        told = await s.told(good.method, good.path, known, largest + b" ")
        assert told.error == (413, "Request body too large")
        unknown = await s.told(good.method, good.path, {}, largest + b" ")
        assert unknown.error == (told.error if good.method == "POST" else without_token(good))
        assert unchanged(s) == before


CREATING: list[tuple[Any, tuple[int, str]]] = [
    ([], NO_TYPE),
    (None, NO_TYPE),
    ("text", NO_TYPE),
    ({}, NO_TYPE),
    ({**TWO, "type": "channel"}, NO_TYPE),
    ({**TWO, "type": None}, NO_TYPE),
    ({**TWO, "type": ["direct"]}, NO_TYPE),
    ({"type": "direct"}, NO_PARTICIPANTS),
    ({"type": "direct", "participant_ids": []}, NO_PARTICIPANTS),
    ({"type": "direct", "participant_ids": C.user_id}, NO_PARTICIPANTS),
    ({"type": "direct", "participant_ids": {C.user_id: 1}}, NO_PARTICIPANTS),
    ({"type": "direct", "participant_ids": ["nonsense"]}, NOT_VALIDATED),
    ({"type": "group", "participant_ids": [C.user_id, ""]}, NOT_VALIDATED),
    ({"type": "group", "participant_ids": [C.user_id, None]}, NOT_VALIDATED),
    ({"type": "group", "participant_ids": [5]}, NOT_VALIDATED),
    ({"type": "group", "participant_ids": [[C.user_id]]}, NOT_VALIDATED),
    ({"type": "direct", "participant_ids": [B.user_id]}, (400, "A direct conversation needs another person")),
    ({"type": "direct", "participant_ids": [B.auth_id]}, (400, "A direct conversation needs another person")),
    (
        {"type": "direct", "participant_ids": [C.user_id, D.user_id]},
        (400, "A direct conversation has exactly two people"),
    ),
    (
        {"type": "room", "participant_ids": [str(uuid.UUID(int=n)) for n in range(MAX_PARTICIPANTS + 1)]},
        (400, "Too many participants"),
    ),
    ({**ROOM_OF_TWO, "group_id": UNKNOWN_ID}, NOT_CREATED),
    ({**ROOM_OF_TWO, "group_id": "nonsense"}, NOT_CREATED),
    ({**ROOM_OF_TWO, "group_id": {"a": 1}}, NOT_CREATED),
    ({**ROOM_OF_TWO, "name": 5}, (400, "name must be a string without NUL characters")),
    ({**ROOM_OF_TWO, "name": "x" * 201}, (400, "Name must be 200 characters or less")),
    ({**ROOM_OF_TWO, "name": "a\0b"}, (400, "name must be a string without NUL characters")),
]
ADDING: list[tuple[Any, tuple[int, str]]] = [
    ([], NO_USER_IDS),
    (None, NO_USER_IDS),
    ({}, NO_USER_IDS),
    ({"user_ids": []}, NO_USER_IDS),
    ({"user_ids": X.user_id}, NO_USER_IDS),
    ({"user_ids": {}}, NO_USER_IDS),
    ({"user_ids": [X.user_id, UNKNOWN_ID]}, NOT_ADDED),
    ({"user_ids": [X.user_id, "nonsense"]}, NOT_ADDED),
    ({"user_ids": [X.user_id, None]}, NOT_ADDED),
    ({"user_ids": [str(uuid.UUID(int=n)) for n in range(MAX_PARTICIPANTS + 1)]}, (400, "Too many participants")),
]
TIMING: list[tuple[Any, tuple[int, str]]] = [
    ([], ENABLED),
    ({}, ENABLED),
    ({"disappearing_messages_enabled": "true"}, ENABLED),
    ({"disappearing_messages_enabled": 1}, ENABLED),
    ({"disappearing_messages_enabled": None, "disappear_seconds": 5}, ENABLED),
    *(
        ({"disappearing_messages_enabled": True, "disappearing_messages_duration_days": days}, DAYS)
        for days in (None, -1, "7", True, 1.5, [7])
    ),
    ({"disappearing_messages_enabled": True}, DAYS),
]
OWN_TIMING: list[tuple[Any, tuple[int, str]]] = [
    *(({"disappear_seconds": seconds, "start_on": "read"}, SECONDS) for seconds in (None, -1, "7", True, 1.5, 10**30)),
    ({"start_on": "read"}, SECONDS),
    ({"disappear_seconds": 5, "start_on": "sent"}, (400, "start_on must be delivered or read")),
    ({"disappear_seconds": 5, "start_on": ["read"]}, (400, "start_on must be delivered or read")),
]
RETAINING: list[tuple[Any, tuple[int, str]]] = [
    ([], RETENTION_DAYS),
    ({}, RETENTION_DAYS),
    *(({"default_message_retention_days": days}, RETENTION_DAYS) for days in (None, -1, "7", True, 1.5, [7])),
]
PROFILING: list[tuple[Any, tuple[int, str]]] = [
    ([], (400, "The body must be an object")),
    (None, (400, "The body must be an object")),
    ({"bio": 5}, BIO),
    ({"bio": None, "website": 5}, BIO),
    ({"bio": "a\0", "website": "no site"}, BIO),
    ({"website": 5, "bio": "x" * 501}, WEBSITE),
    ({"website": None}, WEBSITE),
    ({"bio": "x" * 501, "website": "no site"}, (400, "Bio must be 500 characters or less")),
    ({"website": "no site"}, BAD_WEBSITE),
    ({"website": "javascript:alert(1)"}, BAD_WEBSITE),
]
WRONG = [
    *((GOOD["make_conversation"], *one) for one in CREATING),
    *((GOOD["let_people_in"], *one) for one in ADDING),
    *((GOOD["write_timer"], *one) for one in [*TIMING, *OWN_TIMING]),
    *((GOOD["write_retention"], *one) for one in RETAINING),
    *((GOOD["change_profile"], *one) for one in PROFILING),
]


@pytest.mark.parametrize(("good", "body", "expected"), WRONG, ids=range(len(WRONG)))
async def test_bodies_of_the_wrong_kind(good: Request, body: object, expected: tuple[int, str]) -> None:
    """In the order of the contract's tables; nothing is changed."""
    async with shims() as s:
        s.world.tables.has_own_timers = True
        before = unchanged(s)
        told = await s.told(good.method, good.path, s.known(B, good.path), json.dumps(body).encode())
        assert told.error == expected
        assert unchanged(s) == before


async def test_participants_who_do_not_exist_are_named() -> None:
    """Each once, whatever else is in the list (contract legacy-rest section 3.2, step 6)."""
    async with shims() as s:
        before, other = unchanged(s), str(uuid.UUID(int=10))
        ids = [C.user_id, UNKNOWN_ID, B.user_id, D.user_id, other.upper(), UNKNOWN_ID]
        told = await s.ask("POST", CONVERSATIONS, {"type": "group", "participant_ids": ids})
        expected = {"error": "Some participants do not exist", "invalid_participants": [UNKNOWN_ID, other]}
        assert told == (400, expected)
        assert unchanged(s) == before


async def test_where_participants_have_no_timers_their_keys_mean_nothing() -> None:
    """The address has its first meaning only."""
    async with shims() as s:
        assert (await s.ask("PUT", timer(), {"disappear_seconds": 5, "start_on": "read"})).error == ENABLED


async def test_unusable_values_come_before_the_membership() -> None:
    """400 before 403 in what is sent, for strangers too (contract legacy-rest section 3.7)."""
    async with shims() as s:
        assert (await s.ask("PUT", timer(OTHER_ROOM), {})).error == ENABLED
        assert (await s.ask("PUT", timer(OTHER_ROOM), {"disappearing_messages_enabled": True})).error == DAYS
        assert (await s.ask("POST", participants(OTHER_ROOM), {})).error == NO_USER_IDS
        assert (await s.ask("POST", CONVERSATIONS, {}, E)).error == NO_TYPE
        assert (await s.ask("PUT", RETENTION, {}, E)).error == RETENTION_DAYS
        assert (await s.ask("POST", PROFILE, {"bio": 5}, E)).status == 404
