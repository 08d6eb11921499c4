"""The keys of one sandbox: API keys, the shared JWT secret and, on request, an ES256 signing key with its JWKS."""

from __future__ import annotations

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Literal, cast

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from jwt.types import Options

Signing = Literal["HS256", "ES256"]
TEN_YEARS_SECONDS = 10 * 365 * 24 * 3600


def _random_part(length: int) -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(length)).decode().replace("-", "a").replace("_", "b")[:length]


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    """Everything that is secret in a sandbox; new for every sandbox unless given."""

    jwt_secret: str
    publishable: str
    secret: str
    anon: str
    service_role: str
    signing: Signing = "HS256"
    private_key: ec.EllipticCurvePrivateKey | None = field(default=None, repr=False)
    key_id: str = "sandbox-es256"

    @classmethod
    def generate(cls, *, signing: Signing = "HS256", jwt_secret: str | None = None) -> Keys:
        """Make a fresh set in the forms Supabase uses (supabase.md 1.2)."""
        shared = jwt_secret or secrets.token_urlsafe(32)
        return cls(
            jwt_secret=shared,
            publishable=f"sb_publishable_{_random_part(22)}_{_random_part(8)}",
            secret=f"sb_secret_{_random_part(22)}_{_random_part(8)}",
            anon=_legacy_key(shared, "anon"),
            service_role=_legacy_key(shared, "service_role"),
            signing=signing,
            private_key=ec.generate_private_key(ec.SECP256R1()) if signing == "ES256" else None,
        )

    def role_of_key(self, api_key: str) -> str | None:
        """Return the PostgreSQL role an API key stands for, or None for a key we do not know."""
        return {
            self.publishable: "anon",
            self.anon: "anon",
            self.secret: "service_role",
            self.service_role: "service_role",
        }.get(api_key)

    def mint(self, sub: str, *, lifetime_seconds: float = 3600, **claims: object) -> str:
        """Sign an access token like the Auth server's for the auth id `sub`; keyword claims replace defaults."""
        now = time.time()
        body: dict[str, object] = {
            "sub": sub,
            "aud": "authenticated",
            "role": "authenticated",
            "iat": int(now),
            "exp": int(now + lifetime_seconds),
            **claims,
        }
        if self.private_key is not None:
            return jwt.encode(body, self.private_key, algorithm="ES256", headers={"kid": self.key_id})
        return jwt.encode(body, self.jwt_secret, algorithm="HS256")

    def verify(self, token: str, *, leeway_seconds: float = 0) -> dict[str, object]:
        """Return the claims of a user token or a legacy key of this sandbox; the Data API allows clocks to differ.

        Raises:
            jwt.PyJWTError: bad signature, expired, malformed or an algorithm that is not ours.

        """
        algorithm = jwt.get_unverified_header(token).get("alg")
        options: Options = {"verify_aud": False}
        if algorithm == "ES256" and self.private_key is not None:
            public = self.private_key.public_key()
            return jwt.decode(token, public, algorithms=["ES256"], options=options, leeway=leeway_seconds)
        return jwt.decode(token, self.jwt_secret, algorithms=["HS256"], options=options, leeway=leeway_seconds)

    def resign_hs256(self, claims: dict[str, object]) -> str:
        """Sign verified claims with the shared secret, for parts that only know HS256 (@supabase/lite)."""
        return jwt.encode(claims, self.jwt_secret, algorithm="HS256")

    def jwks(self) -> dict[str, object]:
        """Return the key set the Auth server publishes; empty for a project with a shared secret."""
        if self.private_key is None:
            return {"keys": []}
        public = cast("dict[str, object]", json.loads(ECAlgorithm.to_jwk(self.private_key.public_key())))
        return {"keys": [{**public, "kid": self.key_id, "alg": "ES256", "use": "sig", "key_ops": ["verify"]}]}


def _legacy_key(jwt_secret: str, role: str) -> str:
    now = int(time.time())
    claims = {"iss": "supabase", "ref": "sandbox", "role": role, "iat": now, "exp": now + TEN_YEARS_SECONDS}
    return jwt.encode(claims, jwt_secret, algorithm="HS256")
