"""Each old endpoint against what can be wrong: the old answer where one is recorded, else 4xx, never HTML."""

from __future__ import annotations

import json
import uuid
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from bridge.actions.people_meant import MAX_PARTICIPANTS
from bridge.errors import StoreDown, StoreRefused
from bridge.keyring import KeysUnavailable
from bridge.models import ParticipantId
from tests.compat.browser import NAME
from tests.compat.shims import (
    CONVERSATIONS,
    GROUPS,
    MAX_BODY_BYTES,
    PROFILE,
    RETENTION,
    SEARCH,
    Shims,
    Told,
    is_for_cookies,
    participants,
    shims,
    timer,
)
from tests.people import BIRTH, OTHER_ROOM, ROOM, A, B, C, D, E, Person, X
from tests.tokens import ABSENT

UNKNOWN_ID = str(uuid.UUID(int=9))
INTERNAL = (500, "Internal server error")
UNAUTHORIZED = (401, "Unauthorized")
HEADER_MISSING = (401, "Missing or invalid authorization header")
NOT_IN_IT = (403, "You are not a participant in this conversation")
DENIED = (403, "Access denied to this conversation")
ENABLED = (400, "disappearing_messages_enabled must be a boolean")
DAYS = (400, "disappearing_messages_duration_days must be a non-negative number when enabled")
SECONDS = (400, "disappear_seconds must be a non-negative number")
RETENTION_DAYS = (400, "Invalid retention days value")
NO_TYPE = (400, "Invalid conversation type")
NO_PARTICIPANTS = (400, "participant_ids is required and must be a non-empty array")
NOT_VALIDATED = (500, "Failed to validate participants")
NOT_CREATED = (500, "Failed to create conversation")
NOT_ADDED = (500, "Failed to add participants")
NO_USER_IDS = (400, "user_ids is required and must be a non-empty array")
BIO, WEBSITE = (400, "Bio must be a string"), (400, "Website must be a string")
BAD_WEBSITE = (400, "Please enter a valid website URL")
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


@EACH
async def test_the_good_request_is_good(good: Request) -> None:
    """Else the matrix would prove nothing."""
    async with shims() as s:
        assert (await s.ask(*good)).status == 200


@EACH
async def test_without_a_session_nobody_is_served(good: Request) -> None:
    """Nor with a header that has a small b, two blanks, or nothing."""
    async with shims() as s:
        before, token = unchanged(s), s.token(B)
        for headers in (
            {},
            {"Authorization": f"bearer {token}"},
            {"Authorization": token},
            {"Authorization": "Basic Yjpi"},
            {"Cookie": "theme=dark"},
        ):
            told = await s.told(good.method, good.path, headers, good.content)
            assert told.error == without_token(good), headers
        assert unchanged(s) == before


@EACH
@pytest.mark.parametrize(
    "claims", [{"exp": 1}, {"aud": "x"}, {"role": "anon"}, {"role": "service_role"}, {"exp": ABSENT}]
)
async def test_a_token_that_is_not_good_opens_nothing(good: Request, claims: dict[str, object]) -> None:
    """Expired, for another audience, of a key, of nobody (contract F12)."""
    async with shims() as s:
        before = unchanged(s)
        assert (await send(s, good, s.token(B, **claims))).error == with_bad_token(good)
        assert unchanged(s) == before


@EACH
@pytest.mark.parametrize("how", ["signature", "payload", "none", "empty", "nonsense"])
async def test_a_tampered_token_opens_nothing(good: Request, how: str) -> None:
    """Whatever it says it is."""
    async with shims() as s:
        head, body, signature = s.token(B).split(".")
        token = {
            "signature": f"{head}.{body}.{signature[::-1]}",
            "payload": f"{head}.{s.token(C).split('.')[1]}.{signature}",
            "none": f"eyJhbGciOiJub25lIn0.{body}.",
            "empty": "..",
            "nonsense": "nonsense",
        }[how]
        assert (await send(s, good, token)).error == with_bad_token(good)


@EACH
async def test_a_session_with_a_missing_chunk_is_none(good: Request) -> None:
    """Half a cookie is no cookie; the other endpoints ask for a header anyway."""
    async with shims() as s:
        cookie = s.cookie(B, filler="x" * 5000)["Cookie"]
        whole = [part for part in cookie.split("; ") if part.startswith(f"{NAME}.")]
        assert len(whole) > 1
        for missing in range(len(whole)):
            rest = "; ".join(part for number, part in enumerate(whole) if number != missing)
            told = await s.told(good.method, good.path, {"Cookie": rest}, good.content)
            assert told.error == without_token(good)


@EACH
async def test_a_cookie_counts_where_cookies_do(good: Request) -> None:
    """And for nothing elsewhere; a header is taken everywhere."""
    async with shims() as s:
        by_cookie = await s.told(good.method, good.path, s.cookie(B), good.content)
        if is_for_cookies(good.path):
            assert by_cookie.status == 200
        else:
            assert by_cookie.error == HEADER_MISSING
    async with shims() as s:
        assert (await s.told(good.method, good.path, s.bearer(B), good.content)).status == 200


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("make_conversation", (403, "User profile not found")),
        ("list_participants", NOT_IN_IT),
        ("let_people_in", NOT_IN_IT),
        ("read_timer", DENIED),
        ("write_timer", DENIED),
        ("read_retention", (500, "Failed to fetch user settings")),
        ("write_retention", (500, "Failed to update settings")),
        (
            "change_profile",
            (404, "User profile not found. Please log out and log back in to refresh your session."),
        ),
    ],
)
async def test_without_users_row_nothing_is_done(name: str, expected: tuple[int, str]) -> None:
    """The lists are empty, see test_endpoints; the rest is refused, and nothing is made."""
    async with shims() as s:
        before = unchanged(s)
        assert (await s.ask(*GOOD[name], person=E)).error == expected
        assert unchanged(s) == before


@OF_A_CONVERSATION
@pytest.mark.parametrize("person", [X, A], ids=["stranger", "former member"])
async def test_who_is_not_in_it_is_refused(name: str, expected: tuple[int, str], person: Person) -> None:
    """Strangers and those who have left alike (contract F7, F8)."""
    async with shims() as s:
        row = ParticipantId(f"{ROOM}/{A.user_id}/0")
        s.world.tables.rows[row] = replace(s.world.tables.rows[row], left_at=BIRTH)
        before = unchanged(s)
        assert (await s.ask(*GOOD[name], person=person)).error == expected
        assert unchanged(s) == before


@OF_A_CONVERSATION
@pytest.mark.parametrize(
    "conversation", [OTHER_ROOM, UNKNOWN_ID, "nonsense", "%27%20or%201=1", "%00", "null", "%F0%9F%A6%8A"]
)
async def test_ids_of_nothing_and_of_others_are_not_told_apart(
    name: str, expected: tuple[int, str], conversation: str
) -> None:
    """Malformed ones neither: 403, no crash."""
    async with shims() as s:
        method, path, body = GOOD[name]
        assert (await s.ask(method, path.replace(ROOM, conversation), body)).error == expected


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


@EACH
@pytest.mark.parametrize("method", ["DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE", "POST", "PUT", "GET"])
async def test_a_method_that_the_path_does_not_know(good: Request, method: str) -> None:
    """405 with the methods that it knows, whoever asks."""
    known = {one.method for one in GOOD.values() if one.path == good.path}
    if method in known:
        return
    async with shims() as s:
        response = await s.send(method, good.path, {})
        assert response.status_code == 405
        assert response.content_type == "application/json"
        assert await response.get_json() == {"error": "Method not allowed"}
        allowed = set(response.headers["Allow"].split(", "))
        assert allowed == known | ({"HEAD"} if "GET" in known else set())


@EACH
async def test_head_is_get_without_the_body(good: Request) -> None:
    """Where there is a GET; a HEAD of something else is a method not known."""
    async with shims() as s:
        has_get = any(one.path == good.path for one in GOOD.values() if one.method == "GET")
        known = await s.send("HEAD", good.path, s.known(B, good.path))
        assert known.status_code == (200 if has_get else 405)
        unknown = await s.send("HEAD", good.path, {})
        assert unknown.status_code == (401 if has_get else 405)


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


FAILURES = {
    "list_conversations": {"": "Failed to load conversations"},
    "make_conversation": {
        "conversations.directs_between": "Failed to create conversation",
        "conversations.insert": "Failed to create conversation",
        "users.by_any_ids": "Failed to validate participants",
        "conversations.admit": "Failed to add participants",
    },
    "list_participants": {"": "Failed to load participants"},
    "let_people_in": {"": "Failed to add participants"},
    "list_groups": {"": "Failed to load groups"},
    "find_people": {"": "Failed to search users"},
    "read_timer": {"": "Failed to fetch conversation settings"},
    "write_timer": {"": "Failed to update conversation settings"},
    "read_retention": {"": "Failed to fetch user settings"},
    "write_retention": {"": "Failed to update settings"},
    "change_profile": {"": "Database error while checking user", "accounts.update_profile": "Failed to update profile"},
}


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("failure", [StoreDown("503"), StoreRefused("42703 column secret does not exist")], ids=str)
async def test_the_tables_failure_is_told_in_the_old_words(name: str, failure: Exception) -> None:
    """Nothing of its cause; the log has that, and neither token nor text (contract F11)."""
    for question, text in FAILURES[name].items():
        async with shims() as s:
            if question:
                s.world.door.failing[question] = failure
            else:
                s.world.tables.failing = failure  # type: ignore[assignment]  # one of its subclasses
            headers = s.known(B, GOOD[name].path)
            with capture_logs() as lines:
                told = await s.told(GOOD[name].method, GOOD[name].path, headers, GOOD[name].content)
            assert told.error == (500, text)
            assert any("cause" in line for line in lines)
            assert not any(secret in str(lines) for secret in (s.token(B), *headers.values()))


async def test_a_conversion_that_fails_is_told_so() -> None:
    """Step 6 of contract legacy-rest section 3.4; and step 5, for what was deleted a moment ago."""
    async with shims() as s:
        pair = (await s.ask("POST", CONVERSATIONS, TWO)).body["conversation_id"]
        s.world.door.failing["traits.make_group"] = StoreDown()
        told = await s.ask("POST", participants(pair), {"user_ids": [D.user_id]})
        assert told.error == (500, "Failed to convert to group conversation")
        s.world.door.failing.clear()
        s.world.door.meanwhile("traits.of", lambda: s.world.tables.conversation_rows.pop(pair))
        told = await s.ask("POST", participants(pair), {"user_ids": [D.user_id]})
        assert told.error == (404, "Conversation not found")


async def test_a_profile_that_is_gone_is_told_so() -> None:
    """Step 8 of contract legacy-rest section 3.9."""
    async with shims() as s:
        s.world.door.meanwhile("users.by_auth_id", s.world.tables.people.clear)
        told = await s.ask("POST", PROFILE, {"bio": "x"})
        assert told.error == (404, "Profile update failed - user not found or permission denied")


@EACH
async def test_a_token_that_cannot_be_judged_is_our_trouble(good: Request) -> None:
    """Nobody is sent away for it with 401 (contract F13)."""
    async with shims() as s:

        async def unreachable() -> bytes:
            raise KeysUnavailable

        s.world.verifier._keyring._fetch = unreachable
        token = s.world.mint.es256(B.auth_id)
        assert (await send(s, good, token)).error == INTERNAL


@EACH
async def test_a_fault_of_ours_is_told_without_its_trace(good: Request) -> None:
    """The log has it."""
    async with shims() as s:
        s.world.door.failing["users.by_auth_id"] = ZeroDivisionError("secret")
        with capture_logs() as lines:
            told = await s.ask(*good)
        assert told.error == INTERNAL
        assert "secret" not in str(told)
        assert [line["event"] for line in lines] == ["request.failed"]
