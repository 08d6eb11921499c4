"""A token counts only if its signature does: by the right key, the right algorithm, and never by none."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bridge.auth import KEPT_SECONDS
from bridge.clock import FakeClock
from bridge.keyring import Keyring, KeysUnavailable
from tests.people import B
from tests.tokens import KEY_ID, SECRET, Mint, key_set, keyring_of
from tests.verifying import OTHER_SECRET, Setting, unsigned


async def test_a_shared_secret_token_may_name_a_key() -> None:
    """Some projects put a key id on HS256 tokens that no list has."""
    s = Setting()
    token = jwt.encode(s.mint.claims(B.auth_id), SECRET, algorithm="HS256", headers={"kid": "whatever"})
    assert (await s.accepts(token)).auth_id == B.auth_id


async def test_a_signature_is_checked_once_in_a_while() -> None:
    """REST clients send the same token with each request; a key that is withdrawn counts for minutes at most."""
    s = Setting()
    token = s.mint.es256(B.auth_id)
    claims = await s.accepts(token)
    s.verifier._keyring = keyring_of(key_set(), s.clock)
    assert await s.accepts(token) == claims
    s.clock.advance(KEPT_SECONDS)
    assert await s.accepts(token) == claims
    s.clock.advance(1)
    assert await s.refuses(token) == "INVALID_TOKEN"


async def test_a_known_token_vouches_for_no_other() -> None:
    """Not even for one that differs in a single character; and what was refused is not remembered."""
    s = Setting()
    token = s.mint.hs256(B.auth_id)
    await s.accepts(token)
    for position in range(0, len(token) - 1, 7):
        other = "A" if token[position] != "A" else "B"
        assert await s.refuses(token[:position] + other + token[position + 1 :]) == "INVALID_TOKEN"
    assert len(s.verifier._signed) == 1


async def test_a_wrong_signature_is_refused() -> None:
    """Another secret, another private key, a changed body, no signature."""
    s = Setting()
    other_key = ec.generate_private_key(ec.SECP256R1())
    claims = s.mint.claims(B.auth_id)
    good = s.mint.hs256(B.auth_id)
    header, _, signature = good.split(".")
    changed = s.mint.hs256(B.auth_id, extra=1).split(".")[1]
    forged = [
        jwt.encode(claims, OTHER_SECRET, algorithm="HS256"),
        jwt.encode(claims, other_key, algorithm="ES256", headers={"kid": KEY_ID}),
        jwt.encode(claims, other_key, algorithm="ES256"),
        ".".join((header, changed, signature)),
        good.rsplit(".", 1)[0] + ".",
        good.rsplit(".", 1)[0],
    ]
    assert [await s.refuses(token) for token in forged] == ["INVALID_TOKEN"] * len(forged)


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "HS384", "HS512", "ES384", "PS256", "", "hs256"])
async def test_other_algorithms_are_refused(algorithm: str) -> None:
    """Above all the one that means no signature."""
    s = Setting()
    header = json.dumps({"alg": algorithm, "typ": "JWT", "kid": KEY_ID}).encode()
    body = json.dumps(s.mint.claims(B.auth_id)).encode()
    assert await s.refuses(unsigned(header, body)) == "INVALID_TOKEN"
    assert await s.refuses(unsigned(header, body, b"signature")) == "INVALID_TOKEN"


async def test_another_hmac_with_the_right_secret_is_refused() -> None:
    """One algorithm per kind of key, no choice for the sender."""
    s = Setting()
    with pytest.warns(jwt.InsecureKeyLengthWarning):
        token = jwt.encode(s.mint.claims(B.auth_id), SECRET, algorithm="HS512")
    assert await s.refuses(token) == "INVALID_TOKEN"


@pytest.mark.parametrize("secret", [SECRET, None])
async def test_the_public_key_is_no_shared_secret(secret: str | None) -> None:
    """The classic confusion: HS256 with what everybody can read in the JWKS."""
    s = Setting(secret=secret)
    public = s.mint.private_key.public_key()
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    body = json.dumps(s.mint.claims(B.auth_id)).encode()
    for key in (pem, pem.strip(), s.mint.jwks(), json.dumps(s.mint.public_jwk()).encode()):
        token = _hmac_token(key, body)
        assert await s.refuses(token) == ("INVALID_TOKEN" if secret else "CONFIG_ERROR")


def _hmac_token(key: bytes, body: bytes) -> str:
    """Sign with any bytes: PyJWT refuses to take a public key for a secret."""
    signed = unsigned(json.dumps({"alg": "HS256", "kid": KEY_ID}).encode(), body).rsplit(".", 1)[0]
    digest = hmac.new(key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


@pytest.mark.parametrize("secret", [None, ""])
async def test_without_a_secret_no_shared_secret_token_is_judged(secret: str | None) -> None:
    """An empty secret is none: everybody could sign with it."""
    s = Setting(secret=secret)
    body = json.dumps(s.mint.claims(B.auth_id)).encode()
    assert await s.refuses(s.mint.hs256(B.auth_id)) == "CONFIG_ERROR"
    assert await s.refuses(_hmac_token(b"", body)) == "CONFIG_ERROR"


async def test_an_unknown_key_id_is_refused() -> None:
    """Even if the signature would fit the only key."""
    s = Setting()
    assert await s.refuses(s.mint.es256(B.auth_id, key_id="unknown")) == "INVALID_TOKEN"


async def test_a_key_for_another_algorithm_is_refused() -> None:
    """The header may not choose what a listed key is used for."""
    s = Setting()
    header = json.dumps({"alg": "RS256", "kid": KEY_ID}).encode()
    assert await s.refuses(unsigned(header, b"{}", b"x")) == "INVALID_TOKEN"
    both = Setting(jwks=b'{"keys":[]}')
    assert await both.refuses(both.mint.es256(B.auth_id)) == "INVALID_TOKEN"


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"{}",
        b"null",
        b"\xff",
        b'{"alg":null}',
        b'{"alg":[]}',
        b'{"alg":{}}',
        b'{"alg":5}',
        b'{"alg":["HS256"]}',
        b'{"alg":"HS256","kid":5}',
        b'{"alg":"ES256","kid":{}}',
        b'{"alg":"ES256","kid":null}',
        b'{"alg":"HS256","crit":["x"],"x":1}',
        b'{"alg":"HS256","b64":false,"crit":["b64"]}',
        b'{"alg":"HS256","n":' + b"9" * 5000 + b"}",
        b"[" * 6000,
    ],
    ids=lambda header: repr(header[:40]),
)
async def test_a_strange_header_is_refused(header: bytes) -> None:
    """Nobody has signed the header when it is read."""
    s = Setting()
    body = json.dumps(s.mint.claims(B.auth_id)).encode()
    assert await s.refuses(unsigned(header, body, b"x")) == "INVALID_TOKEN"


async def test_when_the_keys_cannot_be_had_the_token_is_not_called_bad() -> None:
    """A client that is told INVALID_TOKEN would throw a good token away."""

    async def fetch() -> bytes:
        raise KeysUnavailable

    clock = FakeClock()
    s = Setting(keyring=Keyring(fetch, clock))
    assert await s.refuses(s.mint.es256(B.auth_id)) == "AUTH_ERROR"
    await s.accepts(s.mint.hs256(B.auth_id))


async def test_a_project_in_transition_has_both_kinds() -> None:
    """Old tokens of the shared secret and new ones of the key are good side by side."""
    s = Setting()
    assert (await s.accepts(s.mint.hs256(B.auth_id))).auth_id == B.auth_id
    assert (await s.accepts(s.mint.es256(B.auth_id))).auth_id == B.auth_id


async def test_a_new_key_needs_no_restart() -> None:
    """The first token signed with it makes the keyring look again."""
    clock = FakeClock()
    mint = Mint(clock)
    bodies = [key_set(), mint.jwks()]

    async def fetch() -> bytes:
        return bodies.pop(0)

    s = Setting(keyring=Keyring(fetch, clock))
    token = mint.es256(B.auth_id)
    assert await s.refuses(token) == "INVALID_TOKEN"
    clock.advance(timedelta(minutes=1).total_seconds())
    assert (await s.accepts(token)).auth_id == B.auth_id
