"""Whose requests are those that are passed through: found out afterwards, and nobody waits for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs
from werkzeug.datastructures import Headers

from bridge.errors import StoreDown
from bridge.usage import NOBODY
from compat.counting import KNOWN_SECONDS, MAX_WAITING, Counting, endpoint_of
from tests.parts import Parts
from tests.people import A, B, D, E, Person

KEY = "the key that is in every page"
SUPABASE_JS = {"X-Client-Info": "supabase-js-web/2.39.0", "User-Agent": "curl/8.0", "apikey": KEY}
OURS, FAMILY = ("supabase-js-web", "2.39.0"), ("curl", "8")
Counted = list[tuple[str, str, str, str, int]]


def counting_in(parts: Parts) -> Counting:
    """Count into the notes of a bridge."""
    return Counting(parts.usage, parts.verifier, parts.store.users, parts.clock, phone_identity=True)


def of(parts: Parts, person: Person, **claims: object) -> Headers:
    """Return what supabase-js sends for somebody."""
    return Headers({**SUPABASE_JS, "Authorization": f"Bearer {token(parts, person, **claims)}"})


def token(parts: Parts, person: Person, **claims: object) -> str:
    """Sign a token."""
    return parts.mint.hs256(person.auth_id, phone=person.phone, **claims)


def taken(parts: Parts) -> Counted:
    """Return what was noted since the last time."""
    noted = parts.usage.take().requests
    return [(one.endpoint, one.client, one.version, one.user_id, one.count) for one in noted]


@asynccontextmanager
async def running(counting: Counting) -> AsyncIterator[None]:
    """Let it find out who asked until the block ends."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(counting.run())
        yield
        task.cancel()


async def until_idle(parts: Parts, *, noted: int) -> Counted:
    """Let other tasks go on until so many requests are noted."""
    found: Counted = []
    while sum(one[-1] for one in found) < noted:
        await asyncio.sleep(0)
        found += taken(parts)
    return found


async def test_people_are_known_by_their_tokens() -> None:
    """Each kind of user by the users.id, with what the program says of itself."""
    parts = Parts()
    counting = counting_in(parts)
    async with running(counting):
        for person in (A, B, D):
            counting.asked("GET", "messages", of(parts, person))
            assert await until_idle(parts, noted=1) == [("rest_v1 GET messages", *OURS, person.user_id, 1)]


@pytest.mark.parametrize(
    "authorization", [None, "", "Basic x", f"Bearer {KEY}", "Bearer ", "Bearer nonsense", "Bearer sb_secret_x"]
)
async def test_whoever_is_not_signed_in_is_nobody(authorization: str | None) -> None:
    """The word of strangers about their program counts for nothing."""
    parts = Parts()
    counting = counting_in(parts)
    said = {} if authorization is None else {"Authorization": authorization}
    async with running(counting):
        counting.asked("POST", "typing_indicators", Headers({**SUPABASE_JS, **said}))
        assert await until_idle(parts, noted=1) == [("rest_v1 POST typing_indicators", *FAMILY, NOBODY, 1)]


async def test_strangers_and_old_tokens_are_nobodys() -> None:
    """Somebody without a users row, and a token that has expired."""
    parts = Parts()
    counting = counting_in(parts)
    old = of(parts, B)
    parts.clock.advance(7200)
    async with running(counting):
        for headers in (of(parts, E), old):
            counting.asked("GET", "users", headers)
            assert await until_idle(parts, noted=1) == [("rest_v1 GET users", *FAMILY, NOBODY, 1)]


async def test_somebody_is_asked_for_once_in_a_while() -> None:
    """Not for each request."""
    parts = Parts()
    counting = counting_in(parts)
    async with running(counting):
        for seconds in (0.0, 1.0, KNOWN_SECONDS):
            parts.clock.advance(seconds)
            counting.asked("GET", "users", of(parts, B))
            await until_idle(parts, noted=1)
    assert parts.store.asked("users.by_auth_id") == 2


async def test_tables_that_cannot_be_read_are_no_matter() -> None:
    """It is nobody's then, and goes on; so it does after a defect."""
    parts = Parts()
    counting = counting_in(parts)
    async with running(counting):
        with capture_logs() as logs:
            parts.door.fail_next("users.by_auth_id", StoreDown("ConnectError"))
            counting.asked("GET", "users", of(parts, B))
            assert await until_idle(parts, noted=1) == [("rest_v1 GET users", *FAMILY, NOBODY, 1)]
            parts.door.fail_next("users.by_auth_id", RuntimeError("a defect"))
            counting.asked("GET", "users", of(parts, B))
            counting.asked("GET", "users", of(parts, B))
            assert await until_idle(parts, noted=1) == [("rest_v1 GET users", *OURS, B.user_id, 1)]
    assert [line["event"] for line in logs] == ["request.user_unknown", "request.not_counted"]


async def test_what_cannot_be_found_out_in_time_is_nobodys() -> None:
    """Neither a flood nor the end of the process loses requests; tokens are not kept without bound."""
    parts = Parts()
    counting = counting_in(parts)
    for _ in range(MAX_WAITING + 3):
        counting.asked("GET", "users", of(parts, B))
    assert taken(parts) == [("rest_v1 GET users", *FAMILY, NOBODY, 3)]
    await counting.close()
    assert taken(parts) == [("rest_v1 GET users", *FAMILY, NOBODY, MAX_WAITING)]


async def test_where_nothing_is_kept_nobody_is_asked() -> None:
    """Nor are tokens held; and a browser's question before a request is none."""
    parts = Parts()
    is_kept = [False]
    parts.usage._is_kept = lambda: is_kept[0]
    counting = counting_in(parts)
    counting.asked("GET", "users", of(parts, B))
    is_kept[0] = True
    counting.asked("OPTIONS", "users", of(parts, B))
    await counting.close()
    assert taken(parts) == []


@pytest.mark.parametrize(
    ("target", "name"),
    [
        ("messages", "messages"),
        ("message_recipients", "message_recipients"),
        ("rpc/create_direct_conversation", "rpc"),
        ("rpc", "other"),
        ("made_up_by_a_stranger", "other"),
        ("", "other"),
    ],
)
def test_only_known_names_are_counted(target: str, name: str) -> None:
    """Clients may ask for any."""
    assert endpoint_of("PATCH", target) == f"rest_v1 PATCH {name}"
