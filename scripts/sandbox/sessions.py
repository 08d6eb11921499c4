"""Makes the access tokens of Auth's answers what the hosted Auth server issues: its claims, its signature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import cast

from scripts.sandbox.keys import Keys

ISSUING_PATHS = frozenset({"/auth/v1/token", "/auth/v1/signup", "/auth/v1/verify"})


def issuer(url: str) -> str:
    """Return the `iss` of tokens of a project at this address."""
    return f"{url}/auth/v1"


def reissued(body: bytes, keys: Keys, url: str) -> bytes:
    """Return the answer with its access token signed by `keys`; an answer without a session as it is."""
    session = json.loads(body)
    if not isinstance(session, dict) or "access_token" not in session:
        return body
    told = keys.verify(session["access_token"])
    claims = {**_claims_of_user(session.get("user") or {}), **told, "iss": issuer(url)}
    subject, lifetime = str(claims.pop("sub")), float(session["expires_in"])
    session["access_token"] = keys.mint(subject, lifetime_seconds=lifetime, **claims)
    return json.dumps(session).encode()


def _claims_of_user(user: Mapping[str, object]) -> dict[str, object]:
    """Return the claims lite leaves out (supabase.md 1.1 and 8.2, fault i)."""
    app_metadata = cast("Mapping[str, object]", user.get("app_metadata") or {})
    return {
        "email": user.get("email") or "",
        "phone": user.get("phone") or "",
        "app_metadata": app_metadata,
        "user_metadata": user.get("user_metadata") or {},
        "aal": "aal1",
        "amr": [{"method": "password"}],
        "is_anonymous": bool(user.get("is_anonymous")),
    }
