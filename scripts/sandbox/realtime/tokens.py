"""Who a key or an access token makes of its bearer: role and claims, or the reason Realtime refuses with."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import jwt

from scripts.sandbox.keys import Keys

NEW_KEY_PREFIX = "sb_"
SERVICE_ROLE = "service_role"


class TokenRefused(Exception):
    """A token Realtime does not accept; a join shows code and text, a closing system message the text only."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.text = text


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """A verified caller: the PostgreSQL role, the claims as policies see them, and when they run out."""

    role: str
    claims: Mapping[str, object] = field(hash=False)
    claims_json: str
    expires_at: float | None

    @classmethod
    def of_claims(cls, claims: Mapping[str, object]) -> Bearer:
        """Build a bearer of claims that somebody else verified.

        Raises:
            TokenRefused: role or exp is missing.

        """
        role, expires_at = claims.get("role"), claims.get("exp")
        if not isinstance(role, str) or not isinstance(expires_at, int | float):
            raise TokenRefused("InvalidJWTToken", "Fields `role` and `exp` are required in JWT")
        return cls(role=role, claims=claims, claims_json=json.dumps(claims), expires_at=float(expires_at))


def bearer_of_key(keys: Keys, api_key: str) -> Bearer:
    """Return the bearer behind an API key: a known key, or a token signed with the project's secret.

    Raises:
        TokenRefused: neither.

    """
    role = keys.role_of_key(api_key)
    if role is not None:  # the hosted gateway swaps a key for a short-lived role token (supabase.md 1.2)
        return Bearer(role=role, claims={"role": role}, claims_json=json.dumps({"role": role}), expires_at=None)
    return bearer_of_token(keys, api_key, now=None)


def bearer_of_token(keys: Keys, token: str, *, now: float | None) -> Bearer:
    """Verify an access token; `now` words the reason of an expired one.

    Raises:
        TokenRefused: with Realtime's codes (supabase.md 2.5).

    """
    try:
        return Bearer.of_claims(keys.verify(token))
    except jwt.ExpiredSignatureError as error:
        raise TokenRefused("InvalidJWTToken", expired_text(_expiry(token), now)) from error
    except jwt.InvalidSignatureError as error:
        raise TokenRefused("JwtSignatureError", "Failed to validate JWT signature") from error
    except jwt.InvalidAlgorithmError as error:
        raise TokenRefused("JwtSignerError", "Failed to generate JWT signer") from error
    except jwt.PyJWTError as error:
        raise TokenRefused("MalformedJWT", "The token provided is not a valid JWT") from error


def expired_text(expires_at: float | None, now: float | None) -> str:
    """Word an expiry as recorded: "Token has expired 10 seconds ago"."""
    seconds = 0 if expires_at is None or now is None else max(0, int(now - expires_at))
    return f"Token has expired {seconds} seconds ago"


def _expiry(token: str) -> float | None:
    claims: Mapping[str, object] = jwt.decode(token, options={"verify_signature": False})
    found = claims.get("exp")
    return float(found) if isinstance(found, int | float) else None
