"""The keys that the bridge is given, and how the project signs access tokens (supabase.md 1.1, 1.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Set
from datetime import UTC, datetime
from typing import Final

import msgspec
from msgspec import Struct

from bridge.settings import Settings
from migration.doctor.looks import Look, NotSeen, Seen, Served, Sights, listed
from migration.findings import Finding, Severity
from migration.project import host

JWKS_PATH: Final = "/auth/v1/.well-known/jwks.json"
UNDERSTOOD: Final = frozenset({"ES256", "RS256", "EdDSA"})
TRIAL_SECONDS: Final = 60
UNAUTHORIZED: Final = 401
BAD_TOKEN: Final = "PGRST301"
"""PostgREST's code for a token whose signature is none of the project's (supabase.md 9)."""
_PARTS: Final = 3


class _Claims(Struct, frozen=True):
    role: str = ""
    ref: str = ""
    exp: float | None = None


class Key(Struct, frozen=True, kw_only=True):
    """A key, told by its form."""

    variable: str
    text: str
    kind: str
    """publishable, secret, anon, service_role, or unknown."""
    claims: _Claims | None = None

    @property
    def is_legacy(self) -> bool:
        """Tell whether this is a token that is signed with the project's shared secret."""
        return self.claims is not None

    @property
    def words(self) -> str:
        """What it is, as it stands in a sentence."""
        return f"{'an' if self.kind[0] in 'aeiou' else 'a'} {self.kind} key"


def read_key(variable: str, text: str) -> Key:
    """Tell what a key is."""
    for prefix, kind in (("sb_secret_", "secret"), ("sb_publishable_", "publishable")):
        if text.startswith(prefix):
            return Key(variable=variable, text=text, kind=kind)
    parts = text.split(".")
    if len(parts) != _PARTS:
        return Key(variable=variable, text=text, kind="unknown")
    try:
        claims = msgspec.json.decode(_bytes(parts[1]), type=_Claims)
    except (ValueError, msgspec.DecodeError):
        return Key(variable=variable, text=text, kind="unknown")
    return Key(variable=variable, text=text, kind=claims.role or "unknown", claims=claims)


def is_signed_with(key: Key, secret: str) -> bool:
    """Tell whether the shared secret is the one that this legacy key was signed with (RFC 7515, HS256)."""
    signed, _, signature = key.text.rpartition(".")
    expected = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(expected, _bytes(signature))


def _bytes(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _given(settings: Settings) -> list[Key]:
    keys = [read_key("SUPABASE_SECRET_KEY", settings.supabase_secret_key.get_secret_value())]
    if settings.supabase_publishable_key is not None:
        keys.append(read_key("SUPABASE_PUBLISHABLE_KEY", settings.supabase_publishable_key.get_secret_value()))
    return keys


def _keys(sights: Sights) -> Seen:
    served = sights.of_project()
    keys = _given(served.settings)
    findings = [finding for key in keys for finding in _findings(key, served.settings, sights.as_of)]
    # The other one was proven before anything was looked at.
    findings += [
        _refused(key) for key in keys if key.variable == "SUPABASE_PUBLISHABLE_KEY" and not served.rest.takes(key.text)
    ]
    return Seen(findings, listed(f"{key.variable} is {key.words}" for key in keys))


def _refused(key: Key) -> Finding:
    return Finding(
        check="keys",
        severity=Severity.ERROR,
        evidence=f"The project refuses {key.variable}.",
        fix=f"Set {key.variable} to the publishable key (dashboard: Settings, API Keys).",
        consequence="Sessions of the old endpoints are not refreshed: whoever's has expired is signed out there.",
    )


def _findings(key: Key, settings: Settings, now: datetime) -> Iterator[Finding]:
    is_right = key.kind in _right_kinds(key)
    if not is_right:
        yield _wrong_kind(key)
    if key.claims is not None:
        yield from _claimed(key.variable, key.claims, settings, now)
        if is_right:
            yield _legacy(key)


def _is_secret(key: Key) -> bool:
    return key.variable == "SUPABASE_SECRET_KEY"


def _right_kinds(key: Key) -> Set[str]:
    return {"secret", "service_role"} if _is_secret(key) else {"publishable", "anon"}


def _wrong_kind(key: Key) -> Finding:
    return Finding(
        check="keys",
        severity=Severity.ERROR,
        evidence=f"{key.variable} is {key.words}.",
        fix=f"Set {key.variable} to the {'secret' if _is_secret(key) else 'publishable'} key (dashboard: Settings,"
        " API Keys).",
        consequence="Receipts, typing and presence cannot be written, and rows are missing from every answer."
        if _is_secret(key)
        else "A key that may do everything is used where a public one belongs; take it out of every client.",
    )


def _claimed(variable: str, claims: _Claims, settings: Settings, now: datetime) -> Iterator[Finding]:
    """Yield what a legacy key says of itself that makes it useless here."""
    reference = host(settings).split(".")[0]
    if host(settings).endswith((".supabase.co", ".supabase.in")) and claims.ref not in {"", reference}:
        yield Finding(
            check="keys",
            severity=Severity.ERROR,
            evidence=f"{variable} belongs to the project {claims.ref}, SUPABASE_URL to {reference}.",
            fix=f"Set {variable} to a key of {reference}.",
            consequence="Every request is refused.",
        )
    if claims.exp is not None and claims.exp < now.timestamp():
        yield Finding(
            check="keys",
            severity=Severity.ERROR,
            evidence=f"{variable} expired on {datetime.fromtimestamp(claims.exp, UTC):%Y-%m-%d}.",
            fix=f"Set {variable} to a new key (dashboard: Settings, API Keys).",
            consequence="Every request is refused.",
        )


def _legacy(key: Key) -> Finding:
    return Finding(
        check="keys",
        severity=Severity.NOTICE,
        evidence=f"{key.variable} is a legacy {key.kind} key, a token signed with the shared secret.",
        fix="Make publishable and secret keys (dashboard: Settings, API Keys) and set those.",
        consequence="It ends with the shared secret: legacy keys are announced to go by the end of 2026.",
    )


class _Entry(Struct, frozen=True):
    kid: str = ""
    alg: str = ""
    kty: str = ""


class _KeySet(Struct, frozen=True):
    keys: list[_Entry]


def _signing(sights: Sights) -> Seen:
    served = sights.of_project()
    entries = _published(served)
    secret = served.settings.supabase_jwt_secret
    text = secret.get_secret_value() if secret else ""
    findings: list[Finding] = []
    if not entries and not text:
        findings.append(_unverifiable())
    strange = [entry for entry in entries if entry.alg not in UNDERSTOOD]
    if strange:
        findings.append(_not_understood(strange))
    if len(entries) > 1 or (entries and text):
        findings.append(_rotation(entries, has_secret=bool(text)))
    legacy = [key for key in _given(served.settings) if key.is_legacy]
    if text and (any(not is_signed_with(key, text) for key in legacy) or not _is_taken(served, text, sights.as_of)):
        findings.append(_wrong_secret())
    shown = listed(f"{entry.alg} {entry.kid[:8]}" for entry in entries) or "the shared secret (HS256)"
    return Seen(findings, f"tokens are verified with {shown}")


def _is_taken(served: Served, secret: str, now: datetime) -> bool:
    """Show the project a token that is signed with the secret: only PostgREST knows which one is right.

    Made out to anon, so that it could do nothing that nobody else can; the code tells the signature from the rights.
    """
    claims = {"role": "anon", "exp": int(now.timestamp()) + TRIAL_SECONDS}
    answer = served.rest.get("/rest/v1/messages", bearer=_signed(claims, secret), select="id", limit="0")
    return not (answer.status_code == UNAUTHORIZED and BAD_TOKEN in answer.text)


def _signed(claims: object, secret: str) -> str:
    """Return a token (RFC 7515, HS256)."""
    signed = f"{_text({'alg': 'HS256', 'typ': 'JWT'})}.{_text(claims)}"
    signature = hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"


def _text(content: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(content)).decode().rstrip("=")


def _published(served: Served) -> list[_Entry]:
    answer = served.rest.get(JWKS_PATH)
    try:
        if answer.is_success:
            return msgspec.json.decode(answer.content, type=_KeySet).keys
    except msgspec.DecodeError as error:
        raise NotSeen(f"{JWKS_PATH} answers with something that is no key set") from error
    raise NotSeen(f"{JWKS_PATH} answers with status {answer.status_code}")


def _unverifiable() -> Finding:
    return Finding(
        check="signing",
        severity=Severity.ERROR,
        evidence="The project publishes no signing key, and SUPABASE_JWT_SECRET is not set.",
        fix="Set SUPABASE_JWT_SECRET (dashboard: Settings, JWT Keys, legacy JWT secret), or move to signing keys.",
        consequence="Nobody can sign in at the bridge: every auth is answered with CONFIG_ERROR.",
    )


def _not_understood(entries: list[_Entry]) -> Finding:
    return Finding(
        check="signing",
        severity=Severity.ERROR,
        evidence=f"Signing keys with {listed(sorted({entry.alg or entry.kty for entry in entries}))} are published.",
        fix=f"Use a signing key with one of {listed(sorted(UNDERSTOOD))}.",
        consequence="Tokens signed with them are answered with INVALID_TOKEN.",
    )


def _rotation(entries: list[_Entry], *, has_secret: bool) -> Finding:
    kinds = [f"{entry.alg} {entry.kid}" for entry in entries] + (["the shared secret (HS256)"] if has_secret else [])
    return Finding(
        check="signing",
        severity=Severity.NOTICE,
        evidence=f"More than one key is in force: {listed(kinds)}.",
        fix="After a rotation, unset SUPABASE_JWT_SECRET and revoke old keys once their last token has expired.",
        consequence="None while it lasts; the bridge verifies with all of them. A leaked old key stays good.",
    )


def _wrong_secret() -> Finding:
    return Finding(
        check="signing",
        severity=Severity.ERROR,
        evidence="SUPABASE_JWT_SECRET is not the secret that the project's own tokens are signed with.",
        fix="Set SUPABASE_JWT_SECRET to the legacy JWT secret (dashboard: Settings, JWT Keys); unset it where that is"
        " revoked.",
        consequence="Tokens of the project are answered with INVALID_TOKEN; whoever knows this secret can make others.",
    )


LOOKS: Final = (
    Look(name="keys", meaning="what kind of keys these are, whose, and until when", take=_keys),
    Look(name="signing", meaning="how access tokens are signed, and whether the bridge can verify them", take=_signing),
)
