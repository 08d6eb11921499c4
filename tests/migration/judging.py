"""Looks of the doctor at a project that answers as a test says."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx

from bridge.clock import FakeClock
from bridge.settings import Settings, load_settings
from migration.doctor import LOOKS, Seen, Served, Sights
from migration.findings import Severity
from migration.project import Rest

Answer = Callable[[httpx.Request], httpx.Response]

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
SECRET = "sb_secret_aaaaaaaaaaaaaaaaaaaaaa_bbbbbbbb"
SIGNED_WITH = "the shared secret of the project, long enough"


def settings(**changes: str) -> Settings:
    """Return the settings of a project."""
    given = {"supabase_url": "https://abcdefgh.supabase.co", "supabase_secret_key": SECRET, **changes}
    return load_settings(**given)


def _no_keys(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200, json={"keys": []})


def look(name: str, answer: Answer = _no_keys, /, **changes: str) -> Seen:
    """Take one look at a project that answers so."""
    given, clock = settings(**changes), FakeClock(NOW)
    with httpx.Client(transport=httpx.MockTransport(answer), base_url=given.supabase_url) as http:
        served = Served(rest=Rest(http), settings=given)
        return LOOKS[name].take(Sights(stored=None, served=served, clock=clock, as_of=clock.now()))


def legacy_key(role: str, *, ref: str = "abcdefgh", lifetime: timedelta = timedelta(days=1)) -> str:
    """Return a key as projects had them: a token signed with the shared secret."""

    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).decode().rstrip("=")

    claims = {"role": role, "ref": ref, "exp": (NOW + lifetime).timestamp()}
    signed = f"{part(b'{}')}.{part(json.dumps(claims).encode())}"
    return f"{signed}.{part(hmac.new(SIGNED_WITH.encode(), signed.encode(), hashlib.sha256).digest())}"


def evidence(seen: Seen) -> list[tuple[Severity, str]]:
    """Return how bad and what."""
    return [(finding.severity, finding.evidence) for finding in seen.findings]


def publishing(*keys: dict[str, str]) -> Answer:
    """Answer with these signing keys."""
    return lambda _: httpx.Response(200, json={"keys": list(keys)})


def refusing(path: str, answer: httpx.Response) -> Answer:
    """Answer one path so, and all others as a project without signing keys."""
    return lambda asked: answer if asked.url.path == path else _no_keys(asked)
