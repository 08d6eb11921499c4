"""A refresh token is spent once, whoever asks however often, and its successor reaches everybody who held it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec import json
from structlog.testing import capture_logs

from bridge.clock import FakeClock
from compat.cookies import CookieForm, Shape, StoredSession
from compat.refreshing import (
    AT_ONCE,
    REFUSED_SECONDS,
    REMEMBERED_SECONDS,
    REMEMBERED_SESSIONS,
    Refreshes,
    RefreshRefused,
    RefreshUnavailable,
    Successor,
)
from tests.compat.auth_server import AuthServer
from tests.gated import Gate
from tests.tokens import Mint

FORM = CookieForm(is_base64=True, shape=Shape.WHOLE)


def session(refresh_token: str | None = "r", access_token: str = "expired") -> StoredSession:
    """Return what a browser keeps."""
    return StoredSession(access_token=access_token, refresh_token=refresh_token, form=FORM)


class Setting:
    """Refreshes at an Auth server under control."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.auth = AuthServer(Mint(self.clock), self.clock)
        self.refreshes = Refreshes(self.auth.refresh, self.clock)

    async def successor(self, refresh_token: str = "r", access_token: str = "expired") -> str | None:
        """Return the refresh token of the session that follows."""
        return token_of(await self.refreshes.successor(session(refresh_token, access_token)))


def token_of(successor: Successor | None) -> str | None:
    """Return the refresh token of a session."""
    return None if successor is None else json.decode(successor.fields["refresh_token"], type=str)


@asynccontextmanager
async def setting() -> AsyncIterator[Setting]:
    """Run refreshes until the block ends."""
    made = Setting()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(made.refreshes.run())
        await asyncio.sleep(0)
        yield made
        running.cancel()


async def test_requests_that_come_together_share_one_refresh() -> None:
    """However many; all are given the same session."""
    async with setting() as s:
        found = await asyncio.gather(*(s.refreshes.successor(session()) for _ in range(50)))
        assert s.auth.asked == ["r"]
        assert {id(one) for one in found} == {id(found[0])}
        assert token_of(found[0]) == "r+"


async def test_a_late_request_is_given_the_same_session() -> None:
    """It was on its way while the others were answered."""
    async with setting() as s:
        first = await s.refreshes.successor(session())
        s.clock.advance(REMEMBERED_SECONDS)
        assert await s.refreshes.successor(session()) is first
        assert s.auth.asked == ["r"]


async def test_a_session_is_not_remembered_for_ever() -> None:
    """After ten minutes it is the Auth server's business what a spent token is worth."""
    async with setting() as s:
        await s.successor()
        s.clock.advance(REMEMBERED_SECONDS + 1)
        assert await s.successor() is None
        assert s.auth.asked == ["r", "r"]


async def test_a_session_that_has_expired_itself_is_not_handed_out() -> None:
    """Projects may have tokens of a few minutes; the Auth server knows what is current."""
    async with setting() as s:
        s.auth.lifetime_seconds = 60
        await s.successor()
        s.clock.advance(60)
        s.auth.answers.append(s.auth.issued("current"))
        assert await s.successor() == "current"


async def test_a_request_that_is_gone_leaves_the_session_to_the_next() -> None:
    """The browser hung up while its token was being spent; it comes back with the old cookies."""
    async with setting() as s:
        s.auth.gate = Gate()
        request = asyncio.create_task(s.refreshes.successor(session()))
        await s.auth.gate.reached()
        request.cancel()
        with pytest.raises(asyncio.CancelledError):
            await request
        s.auth.gate.open()
        assert await s.successor() == "r+"
        assert s.auth.asked == ["r"]


async def test_only_who_holds_the_spent_token_is_given_its_successor() -> None:
    """The expired access token alone, from a log perhaps, opens nothing."""
    async with setting() as s:
        await s.successor("r")
        assert await s.refreshes.successor(session(None)) is None
        assert await s.successor("other") == "other+"


async def test_a_refusal_is_not_asked_for_again_for_a_minute() -> None:
    """Old pages ask every few seconds."""
    async with setting() as s:
        s.auth.answers.append(RefreshRefused("status 400"))
        assert await s.successor() is None
        s.clock.advance(REFUSED_SECONDS)
        assert await s.successor() is None
        assert s.auth.asked == ["r"]
        s.clock.advance(1)
        assert await s.successor() is None
        assert s.auth.asked == ["r", "r"]


async def test_nobody_can_try_refresh_tokens_one_after_the_other() -> None:
    """An expired token of one's own buys one try a minute; the Auth server limits us all together."""
    async with setting() as s:
        s.auth.answers.extend(RefreshRefused("status 400") for _ in range(AT_ONCE))
        guesses = [s.successor(f"guess-{number}") for number in range(50)]
        assert set(await asyncio.gather(*guesses)) == {None}
        assert len(s.auth.asked) == AT_ONCE
        assert await s.successor("r", "somebody else's") == "r+"


async def test_few_refreshes_are_under_way_at_once() -> None:
    """All the others wait for their turn, and get it."""
    async with setting() as s:
        sessions = [s.successor(f"r{number}", f"a{number}") for number in range(30)]
        assert await asyncio.gather(*sessions) == [f"r{number}+" for number in range(30)]
        assert s.auth.most_at_once == AT_ONCE


async def test_a_lost_answer_is_asked_for_again() -> None:
    """The token may be spent by now, and the server gives whoever spent it the same session again."""
    async with setting() as s:
        s.auth.answers.extend([RefreshUnavailable("ReadTimeout"), s.auth.issued("current")])
        assert await s.successor() == "current"
        assert s.auth.asked == ["r", "r"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>Bad gateway</html>",
        b"{}",
        b"[]",
        b"\xff",
        b'{"access_token": "a"}',
        b'{"access_token": "", "refresh_token": "r", "expires_in": 1}',
        b'{"access_token": "a", "refresh_token": "", "expires_in": 1}',
        b'{"access_token": "a", "refresh_token": "r", "expires_in": "soon"}',
        b'{"access_token": "a", "refresh_token": "r", "expires_in": 1, "user": ' + b"[" * 100_000,
    ],
)
async def test_an_answer_that_is_no_session_counts_as_lost(body: bytes) -> None:
    """A gateway's page, say, or half a session."""
    async with setting() as s:
        s.auth.answers.extend([body or b" ", s.auth.issued("current")])
        assert await s.successor() == "current"


async def test_while_the_server_is_down_every_request_tries() -> None:
    """Twice; nothing is remembered, so that the session goes on as soon as it is back."""
    async with setting() as s:
        s.auth.answers.extend(RefreshUnavailable("status 503") for _ in range(2))
        assert await s.successor() is None
        s.auth.answers.append(s.auth.issued("current"))
        assert await s.successor() == "current"


async def test_a_refresh_that_breaks_harms_nobody_else() -> None:
    """It is logged; the next one works."""
    async with setting() as s:
        s.auth.answers.append(ZeroDivisionError())
        with capture_logs() as logs:
            assert await s.successor() is None
        assert [line["event"] for line in logs] == ["session.refresh_failed"]
        assert await s.successor("another") == "another+"


async def test_no_token_is_ever_logged() -> None:
    """Whatever happens to it."""
    async with setting() as s:
        s.auth.answers.extend(
            [RefreshUnavailable("status 503"), RefreshRefused("status 400"), RefreshUnavailable("x"), b"no json"]
        )
        with capture_logs() as logs:
            await s.successor("refresh-1", "access-1")
            await s.successor("refresh-2", "access-2")
        assert len(logs) == 4
        assert not any(secret in str(logs) for secret in ("refresh-", "access-", "no json"))


async def test_what_was_issued_is_taken_over_as_it_is() -> None:
    """The library keeps every field, known or not, and reads them back later."""
    async with setting() as s:
        body = s.auth.issued("r2", weak_password=None, novelty={"deep": [1, 2.50]}, provider_token="p")
        s.auth.answers.append(body)
        found = await s.refreshes.successor(session())
        assert found is not None
        assert json.decode(json.encode(found.fields)) == json.decode(body)


async def test_a_server_that_does_not_say_when_a_session_expires_is_helped_out() -> None:
    """The library takes no session without expires_at for one."""
    async with setting() as s:
        s.auth.answers.append(s.auth.issued("r2", expires_at=None, expires_in=120))
        found = await s.refreshes.successor(session())
        assert found is not None
        assert json.decode(found.fields["expires_at"]) == int(s.clock.now().timestamp()) + 120


async def test_what_is_remembered_is_bounded() -> None:
    """Sessions and refusals."""
    async with setting() as s:
        issued = s.auth.issued("r2")
        for number in range(REMEMBERED_SESSIONS + 10):
            s.auth.answers.extend([issued, RefreshRefused("status 400")])
            await s.successor(f"good-{number}", f"a{number}")
            await s.successor(f"bad-{number}", f"b{number}")
        assert len(s.refreshes._known) == REMEMBERED_SESSIONS
        assert len(s.refreshes._refused) == REMEMBERED_SESSIONS
        assert s.refreshes._running == {}


async def test_refreshes_that_nobody_runs_are_a_mistake() -> None:
    """And are not waited for."""
    s = Setting()
    with pytest.raises(RuntimeError):
        await s.successor()
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(s.refreshes.run())
        await asyncio.sleep(0)
        running.cancel()
    with pytest.raises(RuntimeError):
        await s.successor()
