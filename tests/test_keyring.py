"""Signing keys are fetched once for all who wait, kept while the endpoint is down, and renewed when new ones appear."""

from __future__ import annotations

import asyncio
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from bridge.clock import FakeClock
from bridge.keyring import COOLDOWN_SECONDS, STALE_IF_ERROR, TIME_TO_LIVE, Keyring, KeysUnavailable
from tests.gated import Gate
from tests.tokens import KEY_ID, Mint, key_set

TTL = TIME_TO_LIVE.total_seconds()
STALE = STALE_IF_ERROR.total_seconds()


class Endpoint:
    """A JWKS endpoint that answers, fails or keeps waiting, as the test says."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.failing: Exception | None = None
        self.gate: Gate | None = None
        self.fetches = 0

    async def fetch(self) -> bytes:
        """Answer."""
        self.fetches += 1
        if self.gate is not None:
            await self.gate()
        if self.failing is not None:
            raise self.failing
        return self.body


class Setting:
    """A keyring with its clock and endpoint."""

    def __init__(self, body: bytes | None = None) -> None:
        self.clock = FakeClock()
        self.mint = Mint(self.clock)
        self.endpoint = Endpoint(self.mint.jwks() if body is None else body)
        self.keyring = Keyring(self.endpoint.fetch, self.clock)

    async def has(self, key_id: str | None = KEY_ID, algorithm: str = "ES256") -> bool:
        """Tell whether the keyring has this key."""
        return await self.keyring.key(key_id, algorithm) is not None


async def test_a_key_is_fetched_when_it_is_first_needed_and_then_kept() -> None:
    """One request for many tokens."""
    s = Setting()
    assert s.endpoint.fetches == 0
    assert await s.has()
    assert await s.has()
    assert s.endpoint.fetches == 1


async def test_a_key_is_only_good_for_its_own_algorithm() -> None:
    """What the token's header says is not believed (contract F12)."""
    s = Setting()
    assert not await s.has(algorithm="RS256")
    assert await s.has(algorithm="ES256")


async def test_many_who_wait_cost_one_fetch() -> None:
    """A reconnect storm after a restart asks the endpoint once."""
    s = Setting()
    s.endpoint.gate = Gate()
    async with asyncio.TaskGroup() as tasks:
        waiting = [tasks.create_task(s.has()) for _ in range(20)]
        await s.endpoint.gate.reached()
        s.endpoint.gate.open()
    assert all(task.result() for task in waiting)
    assert s.endpoint.fetches == 1


async def test_who_gives_up_while_fetching_takes_nobody_with_him() -> None:
    """A client that disconnects during the fetch must not cost all others their login until the cool-down is over."""
    s = Setting()
    s.endpoint.gate = Gate()
    first = asyncio.create_task(s.has())
    await s.endpoint.gate.reached()
    second = asyncio.create_task(s.has())
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    s.endpoint.gate.open()
    assert await second
    assert s.endpoint.fetches == 2


async def test_keys_are_fetched_again_when_they_are_old() -> None:
    """A key that was withdrawn is believed for five minutes at most."""
    s = Setting()
    assert await s.has()
    s.clock.advance(TTL - 0.001)
    assert await s.has()
    assert s.endpoint.fetches == 1
    s.endpoint.body = key_set()
    s.clock.advance(0.001)
    assert not await s.has()
    assert s.endpoint.fetches == 2


async def test_a_new_key_is_found_at_once() -> None:
    """After a rotation the first token with an unknown key id makes us look."""
    s = Setting(key_set())
    assert not await s.has()
    s.clock.advance(COOLDOWN_SECONDS)
    s.endpoint.body = s.mint.jwks()
    assert await s.has()
    assert s.endpoint.fetches == 2


async def test_invented_key_ids_cost_one_fetch_per_cool_down() -> None:
    """Tokens with random key ids must not turn us against the Auth server."""
    s = Setting()
    for number in range(10):
        assert not await s.has(f"invented {number}")
    assert s.endpoint.fetches == 1
    s.clock.advance(COOLDOWN_SECONDS - 0.001)
    assert not await s.has("invented")
    assert s.endpoint.fetches == 1
    s.clock.advance(0.001)
    assert not await s.has("invented")
    assert s.endpoint.fetches == 2


@pytest.mark.parametrize("error", [OSError("down"), KeysUnavailable()])
async def test_without_any_keys_a_failing_endpoint_is_told(error: Exception) -> None:
    """The token is neither good nor bad: nobody knows. During the cool-down nobody asks again."""
    s = Setting()
    s.endpoint.failing = error
    for _ in range(3):
        with pytest.raises(KeysUnavailable):
            await s.has()
    assert s.endpoint.fetches == 1
    s.endpoint.failing = None
    s.clock.advance(COOLDOWN_SECONDS)
    assert await s.has()


UNREADABLE = [
    b"",
    b"<html>502</html>",
    b"[]",
    b'{"keys": {}}',
    b'{"keys": [5]}',
    b'{"keys": [{"kid": "\xff"}]}',
    b'{"keys":' + b"[" * 5000,
]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:30]))
async def test_an_unreadable_answer_is_no_answer(body: bytes) -> None:
    """A gateway's error page says nothing about keys."""
    s = Setting(body)
    with pytest.raises(KeysUnavailable):
        await s.has()


@pytest.mark.parametrize("body", [None, *UNREADABLE], ids=lambda body: repr(body and body[:30]))
async def test_kept_keys_outlive_an_outage_of_the_endpoint(body: bytes | None) -> None:
    """Logins go on for an hour; it is asked again after each cool-down."""
    s = Setting()
    good = s.endpoint.body
    assert await s.has()
    if body is None:
        s.endpoint.failing = OSError("down")
    else:
        s.endpoint.body = body
    s.clock.advance(TTL)
    assert await s.has()
    assert await s.has()
    assert s.endpoint.fetches == 2
    s.clock.advance(COOLDOWN_SECONDS)
    assert await s.has()
    assert s.endpoint.fetches == 3
    s.clock.advance(STALE - TTL - COOLDOWN_SECONDS)
    assert await s.has()
    s.clock.advance(0.001)
    with pytest.raises(KeysUnavailable):
        await s.has()
    s.clock.advance(COOLDOWN_SECONDS)
    s.endpoint.failing, s.endpoint.body = None, good
    assert await s.has()


async def test_an_unforeseen_error_is_not_taken_for_an_outage() -> None:
    """It goes to the log with its trace, and the next caller tries anew."""
    s = Setting()
    s.endpoint.failing = RuntimeError("a bug")
    with pytest.raises(RuntimeError):
        await s.has()
    s.endpoint.failing = None
    assert await s.has()


async def test_a_token_without_key_id_means_the_only_key() -> None:
    """With two keys it is not clear which, with none there is none."""
    s = Setting()
    assert await s.has(None)
    s.endpoint.body = key_set(s.mint.public_jwk(), s.mint.public_jwk(kid="key-2"))
    s.clock.advance(TTL)
    assert not await s.has(None)
    assert await s.has("key-2")
    s.endpoint.body = key_set()
    s.clock.advance(TTL)
    assert not await s.has(None)


async def test_keys_that_cannot_be_used_are_skipped() -> None:
    """One bad or unknown entry does not hide the good one; a secret in a public list is never taken."""
    s = Setting()
    good = s.mint.public_jwk()
    p384 = json.loads(ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP384R1()).public_key()))
    s.endpoint.body = key_set(
        {"kty": "oct", "k": "c2VjcmV0", "kid": "secret", "alg": "HS256"},
        {"kty": "oct", "k": "c2VjcmV0", "kid": "disguised", "alg": "ES256"},
        {"kty": "new", "kid": "unknown"},
        {"kid": "no kind"},
        {**good, "kid": 5},
        {name: value for name, value in good.items() if name != "kid"},
        {**good, "kid": "off the curve", "x": good["y"]},
        {**good, "kid": "no coordinates", "x": None},
        {**good, "kid": "other algorithm", "alg": "none"},
        {**p384, "kid": "p384"},
        {},
        good,
    )
    assert await s.keyring.count() == 1
    assert await s.has()


async def test_every_kind_of_key_that_a_project_can_have_is_used() -> None:
    """ES256, RS256 and EdDSA, with or without a stated algorithm."""
    rsa_key = json.loads(RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 2048).public_key()))
    ed_key = json.loads(OKPAlgorithm.to_jwk(Ed25519PrivateKey.generate().public_key()))
    s = Setting(key_set({**rsa_key, "kid": "rsa"}, {**ed_key, "kid": "ed"}))
    assert await s.has("rsa", "RS256")
    assert await s.has("ed", "EdDSA")


async def test_keys_are_counted_at_start() -> None:
    """None means a project with a shared secret."""
    assert await Setting(b"{}").keyring.count() == 0
    assert await Setting(key_set()).keyring.count() == 0
    assert await Setting().keyring.count() == 1
    with pytest.raises(KeysUnavailable):
        await Setting(b"no keys").keyring.count()
