"""Access tokens and key sets like those of the Auth server."""

from __future__ import annotations

import json
from enum import Enum
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from bridge.clock import Clock
from bridge.keyring import Keyring

SECRET: Final = "a shared secret of the tests, long enough for HS256"
KEY_ID: Final = "key-1"
AUDIENCE: Final = "authenticated"
LIFETIME_SECONDS: Final = 3600


class _Absent(Enum):
    """One value that no claim has; its name is the same in every process that collects the tests."""

    ABSENT = "absent"


ABSENT: Final = _Absent.ABSENT
"""As the value of a claim: leave it out."""


class Mint:
    """Signs tokens at the time of its clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.private_key = ec.generate_private_key(ec.SECP256R1())

    def claims(self, sub: str, **changes: object) -> dict[str, object]:
        """Return the body of a user's token, with claims replaced or, if ABSENT, left out."""
        now = int(self._clock.now().timestamp())
        body: dict[str, object] = {
            "sub": sub,
            "aud": AUDIENCE,
            "role": "authenticated",
            "iat": now,
            "exp": now + LIFETIME_SECONDS,
            "email": "",
            "phone": "",
            **changes,
        }
        return {name: value for name, value in body.items() if value is not ABSENT}

    def hs256(self, sub: str, **changes: object) -> str:
        """Sign with the shared secret."""
        return jwt.encode(self.claims(sub, **changes), SECRET, algorithm="HS256")

    def es256(self, sub: str, *, key_id: str | None = KEY_ID, **changes: object) -> str:
        """Sign with the private key."""
        headers: dict[str, object] = {} if key_id is None else {"kid": key_id}
        return jwt.encode(self.claims(sub, **changes), self.private_key, algorithm="ES256", headers=headers)

    def public_jwk(self, **changes: object) -> dict[str, object]:
        """Return the public key as the JWKS endpoint lists it."""
        listed: dict[str, object] = json.loads(ECAlgorithm.to_jwk(self.private_key.public_key()))
        return {**listed, "kid": KEY_ID, "alg": "ES256", "use": "sig", **changes}

    def jwks(self) -> bytes:
        """Return the body of the JWKS endpoint."""
        return key_set(self.public_jwk())


def key_set(*keys: object) -> bytes:
    """Return a JWKS body with these entries."""
    return json.dumps({"keys": list(keys)}).encode()


def keyring_of(body: bytes, clock: Clock) -> Keyring:
    """Return a keyring whose endpoint always answers this."""

    async def fetch() -> bytes:
        return body

    return Keyring(fetch, clock)
