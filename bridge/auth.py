"""Token to claims: signature, audience, role and times of an access token, checked without blocking.

Rules: supabase.md 1.1 and 1.3, contract F12. Who the claims belong to is said by `bridge.identity`.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta

import jwt
import msgspec
import structlog
from jwt.types import Options
from msgspec import Struct

from bridge.clock import Clock
from bridge.errors import AUTH_FAILED, INVALID_TOKEN, SERVER_CONFIG, ActionError
from bridge.ids import canonical_uuid
from bridge.keyring import ASYMMETRIC, Keyring, KeysUnavailable
from bridge.models import AuthId
from bridge.recent import Recent

MAX_TOKEN_LENGTH = 16 * 1024
USER_ROLE = "authenticated"
KEPT_TOKENS = 10_000
KEPT_SECONDS = 300.0  # as long as signing keys are kept: a key withdrawn in an emergency is soon without effect

# Times are checked here, against the clock passed in, not by PyJWT against the machine's.
_OPTIONS: Options = {
    "require": ["exp", "iat", "sub", "aud", "role"],
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
}

log = structlog.get_logger(__name__)


class Claims(Struct, frozen=True, kw_only=True):
    """What a verified token says."""

    auth_id: AuthId
    expires_at: datetime
    phone: str | None
    email: str
    login_id: str | None = None
    """Which login of the user it belongs to (`session_id`), if the Auth server made it."""


class _Body(Struct, frozen=True):
    sub: str
    exp: float
    iat: float
    role: str
    nbf: float = 0.0
    phone: str | None = None
    email: str | None = None
    session_id: object = None


class TokenExpired(ActionError):
    """A user's own token, good but for its age; for the wire as invalid as any other (contract F13)."""

    def __init__(self) -> None:
        super().__init__(INVALID_TOKEN)


class TokenVerifier:
    """Verifies access tokens signed with the shared secret (HS256) or the project's keys (ES256, RS256, EdDSA).

    A good signature is remembered, for REST clients send the same token with every request; times are judged anew.
    """

    def __init__(
        self, *, secret: str | None, keyring: Keyring, clock: Clock, audience: str, leeway_seconds: float
    ) -> None:
        self._secret = secret or None  # anybody could sign with an empty one
        self._keyring = keyring
        self._clock = clock
        self._audience = audience
        self._leeway = timedelta(seconds=leeway_seconds)
        self._signed: Recent[bytes, _Body] = Recent(KEPT_TOKENS, clock=clock, max_age_seconds=KEPT_SECONDS)

    async def verify(self, token: str) -> Claims:
        """Return the claims of a user's token.

        Raises:
            TokenExpired: it was good once.
            ActionError: INVALID_TOKEN for anything wrong with the token, an anon or service token included;
                CONFIG_ERROR when the server lacks the secret to judge it; AUTH_ERROR when the keys cannot be fetched.

        """
        if len(token) > MAX_TOKEN_LENGTH or token.startswith("sb_"):
            raise ActionError(INVALID_TOKEN)
        digest = hashlib.sha256(token.encode(errors="surrogatepass")).digest()
        known = self._signed.get(digest)
        if known is not None:
            return self._claims(known)
        try:
            body = await self._signed_body(token)
        except (jwt.PyJWTError, msgspec.ValidationError) as error:
            log.info("token.refused", cause=type(error).__name__)
            raise ActionError(INVALID_TOKEN) from None
        except KeysUnavailable as error:
            log.warning("token.undecided", cause="signing keys unavailable")
            raise ActionError(AUTH_FAILED) from error
        self._signed.put(digest, body)
        return self._claims(body)

    async def _signed_body(self, token: str) -> _Body:
        header = jwt.get_unverified_header(token)
        algorithm, key_id = header.get("alg"), header.get("kid")
        if algorithm == "HS256":
            # Tokens signed with the shared secret may carry a key id that no key set lists; it says nothing here.
            if self._secret is None:
                log.error("token.undecided", cause="SUPABASE_JWT_SECRET is not set and the token is signed with HS256")
                raise ActionError(SERVER_CONFIG)
            decoded = jwt.decode(token, self._secret, algorithms=["HS256"], audience=self._audience, options=_OPTIONS)
        elif isinstance(algorithm, str) and algorithm in ASYMMETRIC:
            key = await self._keyring.key(key_id if isinstance(key_id, str) else None, algorithm)
            if key is None:
                raise jwt.InvalidKeyError("no such signing key")
            decoded = jwt.decode(token, key, algorithms=[algorithm], audience=self._audience, options=_OPTIONS)
        else:
            raise jwt.InvalidAlgorithmError("algorithm not allowed")
        return msgspec.convert(decoded, _Body)

    def _claims(self, body: _Body) -> Claims:
        now = self._clock.now()
        try:
            expires_at = datetime.fromtimestamp(body.exp, UTC)
            begins_at = datetime.fromtimestamp(max(body.iat, body.nbf), UTC)
        except (ValueError, OverflowError, OSError) as error:
            log.info("token.refused", cause=type(error).__name__)
            raise ActionError(INVALID_TOKEN) from None
        auth_id = canonical_uuid(body.sub)
        if body.role != USER_ROLE or auth_id is None or begins_at > now + self._leeway:
            log.info("token.refused", cause="subject, role or time")
            raise ActionError(INVALID_TOKEN)
        if expires_at <= now - self._leeway:
            log.info("token.refused", cause="expired")
            raise TokenExpired
        return Claims(
            auth_id=AuthId(auth_id),
            expires_at=expires_at,
            phone=body.phone or None,
            email=body.email or "",
            login_id=body.session_id if isinstance(body.session_id, str) and body.session_id else None,
        )
