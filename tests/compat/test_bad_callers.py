"""Old endpoints asked by nobody, by who has no account, and by who is not in the conversation."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bridge.models import ParticipantId
from tests.compat.browser import NAME
from tests.compat.good_requests import (
    DENIED,
    EACH,
    GOOD,
    HEADER_MISSING,
    NOT_IN_IT,
    OF_A_CONVERSATION,
    UNKNOWN_ID,
    Request,
    send,
    unchanged,
    with_bad_token,
    without_token,
)
from tests.compat.shims import is_for_cookies, shims
from tests.people import BIRTH, OTHER_ROOM, ROOM, A, B, C, E, Person, X
from tests.tokens import ABSENT


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
