"""Whom to compare: samples that stay the same, and tokens that are good."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from bridge.auth import TokenVerifier
from bridge.clock import FakeClock
from bridge.comparison.old_way import ROW_CAP
from bridge.comparison.postgrest import PostgrestAsUser
from bridge.keyring import Keyring
from migration.errors import Interrupted, Refused
from migration.parity.control import Control
from migration.parity.people import Signer, User, read_tokens, sample, users

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
SECRET = "the shared secret of the project, long enough"
EVERYBODY = [User(id=f"u{number}", auth_user_id=f"a{number}") for number in range(200)]


def test_a_sample_is_the_same_for_the_same_seed() -> None:
    """Whatever order they come in, and another one for another seed."""
    chosen = sample(EVERYBODY, 20, "1")
    assert chosen == sample(EVERYBODY[::-1], 20, "1")
    assert chosen != sample(EVERYBODY, 20, "2")
    assert len(set(sample(EVERYBODY, None, "1"))) == len(EVERYBODY)


def test_newcomers_hardly_change_a_sample() -> None:
    """One of them comes in where one goes out; nobody else is exchanged."""
    before = set(sample(EVERYBODY[:-1], 20, "1"))
    after = set(sample(EVERYBODY, 20, "1"))
    assert len(before & after) >= 19


async def test_tokens_are_good_for_the_bridge() -> None:
    """Signed as the Auth server signs, for a while."""
    clock = FakeClock(NOW)

    async def fetch() -> bytes:
        return b'{"keys":[]}'

    verifier = TokenVerifier(
        secret=SECRET, keyring=Keyring(fetch, clock), clock=clock, audience="authenticated", leeway_seconds=5.0
    )
    auth_id = "bbbbbbbb-0000-4000-8000-000000000001"
    claims = await verifier.verify(Signer(SECRET, "authenticated").token(auth_id, NOW))
    assert claims.auth_id == auth_id


def answering(everybody: list[dict[str, str]]) -> Control:
    """Return a project with these users, in pages."""

    def answer(request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("id", "gt.").removeprefix("gt.")
        beyond = [user for user in everybody if user["id"] > after]
        return httpx.Response(200, json=beyond[:ROW_CAP])

    return control(answer)


def control(answer: Callable[[httpx.Request], httpx.Response]) -> Control:
    """Return the requests of somebody to a project that answers like this."""
    http = httpx.AsyncClient(transport=httpx.MockTransport(answer))
    return Control(PostgrestAsUser(http, url="https://project.supabase.co", public_key="key", token="token"))


async def test_everybody_is_found_page_by_page() -> None:
    """A full page is never the end; whoever shares an auth id is compared once."""
    rows = [{"id": f"u{number:05}", "auth_user_id": f"a{number:05}"} for number in range(ROW_CAP + 1)]
    twin = {"id": "u99999", "auth_user_id": "a00000"}
    found = await users(answering([*rows, twin]))
    assert [user.id for user in found] == [row["id"] for row in rows]


async def test_users_that_cannot_be_read_are_one_sentence() -> None:
    """With PostgREST's code."""
    with pytest.raises(Refused, match=r"The users cannot be read: 42501\."):
        await users(control(lambda _: httpx.Response(403, json={"code": "42501"})))


async def test_a_project_that_does_not_answer_any_more_ends_the_comparison() -> None:
    """With the kind of failure."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ReadTimeout("host")

    with pytest.raises(Interrupted, match=r"SUPABASE_URL does not answer any more: ReadTimeout\."):
        await control(fail).call("get_user_groups")


def test_tokens_may_come_from_a_file(tmp_path: Path) -> None:
    """Each belongs to whom it says."""
    signer, file = Signer(SECRET, "authenticated"), tmp_path / "tokens"
    given = {name: signer.token(name, NOW) for name in ("a1", "a2")}
    file.write_text("\n".join([*given.values(), "", ""]))
    assert read_tokens(file) == given


@pytest.mark.parametrize("content", [None, "", "hello", "a.b.c", "a.e30.c", json.dumps({"sub": "a1"})])
def test_a_file_without_tokens_is_refused(content: str | None, tmp_path: Path) -> None:
    """Before anybody is asked anything; it is never quoted."""
    file = tmp_path / "tokens"
    if content is not None:
        file.write_text(content)
    with pytest.raises(Refused, match="token"):
        read_tokens(file)
