"""Who may pass the gateway, and as whom: Supabase's rules for API keys and tokens, without I/O (supabase.md 1.2, 7)."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass

import jwt

from scripts.sandbox.keys import Keys

NEW_KEY_PREFIX = "sb_"
SECRET_KEY_PREFIX = "sb_secret_"
DATA_API_CLOCK_TOLERANCE_SECONDS = 30
MAX_KNOWN_TOKENS = 2000

_BROWSER = re.compile(r"^\s*Mozilla\s*/\s*5\.0", re.IGNORECASE)
_NO_KEY_NEEDED = re.compile(r"^/auth/v1/(verify|callback|authorize|oauth/.*|sso/saml/.*|\.well-known/.*)$")

_NO_KEY = {"message": "No API key found in request", "hint": "No `apikey` request header or url param was found."}
_WRONG_KEY = {"message": "Invalid API key", "hint": "Double check your Supabase `anon` or `service_role` API key."}
_KEY_IN_BROWSER = {
    "message": "Forbidden use of secret API key in browser",
    "hint": "Secret API keys can only be used in a protected environment and should never be used in a browser.",
}


class Refused(Exception):
    """The request goes no further than the gateway; carries the status and the JSON body of the answer."""

    def __init__(self, status: int, body: Mapping[str, object]) -> None:
        super().__init__(body.get("message") or body.get("msg"))
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An admitted request, in HS256 tokens that the parts behind the gateway understand.

    Attributes:
        role: what the database will see.
        key_token: stands for the API key.
        user_token: what came in Authorization, if it was a token; it takes precedence.

    """

    role: str
    key_token: str
    user_token: str | None = None


@dataclass(frozen=True, slots=True)
class _Token:
    role: str
    internal: str
    expires_at: float


class Access:
    """Decides about requests for one set of keys."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        self._by_role = {
            role: Caller(role=role, key_token=keys.resign_hs256({"role": role, "iss": "supabase"}))
            for role in ("anon", "service_role")
        }
        self._known: dict[str, _Token] = {}

    def admit(self, path: str, headers: Mapping[str, str], query: Mapping[str, str]) -> Caller:
        """Return who sends a request to this path.

        Raises:
            Refused: no key, a wrong one, or a token that is not good.

        """
        if _NO_KEY_NEEDED.match(path):
            return self._by_role["anon"]
        api_key = headers.get("apikey") or query.get("apikey")
        by_key = self._by_role[self.role_of(api_key, headers.get("User-Agent", ""))]
        scheme, _, token = headers.get("Authorization", "").partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or token == api_key:
            return by_key
        if token.startswith(NEW_KEY_PREFIX):
            raise Refused(401, _WRONG_KEY)
        known = self._verified(token, is_auth=path.startswith("/auth/"))
        return Caller(role=known.role, key_token=by_key.key_token, user_token=known.internal)

    def role_of(self, api_key: str | None, user_agent: str) -> str:
        """Return the role of an API key.

        Raises:
            Refused: none, an unknown one, or a secret one in a browser.

        """
        if not api_key:
            raise Refused(401, _NO_KEY)
        role = self._keys.role_of_key(api_key)
        if role is None:
            raise Refused(401, _WRONG_KEY)
        forbid_secret_in_browser(api_key, user_agent)
        return role

    def _verified(self, token: str, *, is_auth: bool) -> _Token:
        leeway = 0 if is_auth else DATA_API_CLOCK_TOLERANCE_SECONDS
        known = self._known.get(token)
        if known is not None and time.time() < known.expires_at + leeway:
            return known
        try:
            claims = self._keys.verify(token, leeway_seconds=leeway)
        except jwt.PyJWTError as error:
            raise Refused(*(_auth_refusal(error) if is_auth else _data_api_refusal(error))) from error
        if len(self._known) >= MAX_KNOWN_TOKENS:
            self._known.clear()
        expires_at = claims.get("exp")
        self._known[token] = known = _Token(
            role=str(claims.get("role", "anon")),
            internal=self._internal(token, claims),
            expires_at=expires_at if isinstance(expires_at, int | float) else float("inf"),
        )
        return known

    def _internal(self, token: str, claims: dict[str, object]) -> str:
        """Return a token for parts that know the shared secret only."""
        return token if jwt.get_unverified_header(token)["alg"] == "HS256" else self._keys.resign_hs256(claims)


def forbid_secret_in_browser(api_key: str, user_agent: str) -> None:
    """Refuse a new secret key that a browser sends: it has leaked.

    Raises:
        Refused: it is one.

    """
    if api_key.startswith(SECRET_KEY_PREFIX) and _BROWSER.match(user_agent):
        raise Refused(401, _KEY_IN_BROWSER)


def _data_api_refusal(error: jwt.PyJWTError) -> tuple[int, dict[str, object]]:
    """Return what PostgREST answers to a token it does not take."""
    details: str | None = None
    if isinstance(error, jwt.ExpiredSignatureError):
        code, message = "PGRST303", "JWT expired"
    elif isinstance(error, jwt.ImmatureSignatureError):
        code, message = "PGRST303", "JWT issued at future"
    else:
        code, message = "PGRST301", "No suitable key or wrong key type"
        details = "None of the keys was able to decode the JWT"
    return 401, {"code": code, "details": details, "hint": None, "message": message}


def _auth_refusal(error: jwt.PyJWTError) -> tuple[int, dict[str, object]]:
    """Return what the Auth server answers to a token it does not take."""
    reason = (
        "token has invalid claims: token is expired" if isinstance(error, jwt.ExpiredSignatureError) else str(error)
    )
    message = f"invalid JWT: unable to parse or verify signature, {reason}"
    return 403, {"code": 403, "error_code": "bad_jwt", "msg": message}
