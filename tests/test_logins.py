"""Which logins are connected, when they are asked about, and what becomes of those that have ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.clock import FakeClock
from bridge.errors import CloseCode, LoginUndecided
from bridge.login_upkeep import AT_ONCE, LoginUpkeep
from bridge.logins import Logins
from bridge.outbox import Outbox
from tests.parts import LOGIN_CHECK_SECONDS
from tests.people import B, C
from tests.world import Client, World, world

INTERVAL = 300.0


def outbox() -> Outbox:
    """Return the outbox of a new connection."""
    return Outbox(max_frames=1, max_bytes=1)


class Answers:
    """An Auth server that says what a test wants."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.asked: list[str] = []
        self.down = False

    async def __call__(self, token: str) -> bool:
        """Tell whether the login of a token has ended."""
        self.asked.append(token)
        if self.down:
            raise LoginUndecided("status 503")
        return token in self.ended


@given(st.text(min_size=1, max_size=40), st.integers(1, 1000), st.integers(1, 900))
def test_a_login_is_due_once_in_each_interval(login_id: str, tick: int, ticks: int) -> None:
    """However often it is looked at, and never twice."""
    clock = FakeClock()
    logins = Logins(clock, INTERVAL)
    logins.arrive(login_id, "token", outbox())
    passed, found = 0.0, 0
    for _ in range(ticks):
        clock.advance(tick / 10)
        passed += tick / 10
        found += len(logins.due())
    assert abs(found - passed / INTERVAL) <= 1


def test_coming_back_puts_nothing_off() -> None:
    """A page that is loaded again and again is asked about at the moment of its login."""
    clock = FakeClock()
    logins, found = Logins(clock, INTERVAL), 0
    for _ in range(40):
        box = outbox()
        logins.arrive("login", "token", box)
        clock.advance(20.0)
        found += len(logins.due())
        logins.leave("login", box)
    assert found in {2, 3}


def test_logins_are_not_asked_about_at_the_same_moment() -> None:
    """A thousand that come at once are spread over the interval."""
    clock = FakeClock()
    logins = Logins(clock, INTERVAL)
    for number in range(1000):
        logins.arrive(f"login {number}", "token", outbox())
    found = []
    for _ in range(10):
        clock.advance(INTERVAL / 10)
        found.append(len(logins.due()))
    assert sum(found) == 1000
    assert max(found) < 200


def test_the_newest_token_is_shown_and_only_while_somebody_is_here() -> None:
    """One question for all connections of a login."""
    clock = FakeClock()
    logins, first, second = Logins(clock, INTERVAL), outbox(), outbox()
    logins.arrive("login", "old", first)
    logins.arrive("login", "new", second)
    clock.advance(INTERVAL)
    assert logins.due() == {"login": "new"}
    logins.leave("login", first)
    clock.advance(INTERVAL)
    assert logins.due() == {"login": "new"}
    logins.leave("login", second)
    logins.leave("login", second)
    clock.advance(INTERVAL)
    assert logins.due() == {}


def test_a_token_of_no_login_is_not_watched() -> None:
    """Somebody else than the Auth server made it."""
    clock = FakeClock()
    logins = Logins(clock, INTERVAL)
    logins.arrive(None, "token", outbox())
    logins.leave(None, outbox())
    clock.advance(INTERVAL)
    assert logins.due() == {}
    assert not logins.has_ended(None)


async def signed_in(w: World, login_id: str) -> Client:
    """Open a connection with a token of a login."""
    return await w.signed_in(B, session_id=login_id)


async def test_every_connection_of_a_login_that_has_ended_is_closed() -> None:
    """With a code that says: not without another login. Others of the same user stay."""
    async with world() as w:
        phone, tab, other = await signed_in(w, "one"), await signed_in(w, "one"), await signed_in(w, "two")
        answers = Answers()
        answers.ended = {w.mint.hs256(B.auth_id, session_id="one")}
        w.clock.advance(LOGIN_CHECK_SECONDS)
        await LoginUpkeep(w.context.logins, answers).tick()
        assert {(await one.disconnected()).code for one in (phone, tab)} == {CloseCode.SIGNED_OUT}
        assert not other.outbox.is_closing
        assert len(answers.asked) == 2


async def test_a_token_of_a_login_that_has_ended_opens_nothing_any_more() -> None:
    """Old clients come back with it at once, whatever the code said."""
    async with world() as w:
        w.context.logins.end("one")
        client = w.client()
        assert (await client.authenticate(B, session_id="one")).code == "INVALID_TOKEN"
        assert (await client.authenticate(B, session_id="two")).type == "auth_success"


async def test_a_connection_that_became_another_users_is_not_closed_with_the_first_login() -> None:
    """Only the login in force counts."""
    async with world() as w:
        client = await signed_in(w, "one")
        await client.authenticate(C, session_id="two")
        w.context.logins.end("one")
        assert not client.outbox.is_closing


async def test_in_doubt_a_login_goes_on_and_is_asked_about_again() -> None:
    """An Auth server that is down must not close every socket."""
    async with world() as w:
        clients = [await signed_in(w, f"login {number}") for number in range(AT_ONCE + 1)]
        answers = Answers()
        upkeep = LoginUpkeep(w.context.logins, answers)
        answers.down = True
        w.clock.advance(LOGIN_CHECK_SECONDS)
        await upkeep.tick()
        assert not any(client.outbox.is_closing for client in clients)
        answers.down = False
        answers.ended = set(answers.asked)
        w.clock.advance(LOGIN_CHECK_SECONDS)
        await upkeep.tick()
        assert all(client.outbox.is_closing for client in clients)


@pytest.mark.parametrize("session_id", [7, None, "", ["x"]])
async def test_a_strange_session_id_is_none(session_id: object) -> None:
    """It keeps nobody out: other issuers may mean something else by it."""
    async with world() as w:
        client = w.client()
        assert (await client.authenticate(B, session_id=session_id)).type == "auth_success"
        w.clock.advance(LOGIN_CHECK_SECONDS)
        assert w.context.logins.due() == {}
