"""What it costs to find out whose token comes with a request: cookies and signatures, in CPU time."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Raw

from bridge.auth import TokenVerifier
from bridge.clock import SystemClock
from bridge.keyring import Keyring
from compat import cookies
from compat.cookies import CookieForm, Shape
from scripts.benchmarks.tables import Row, percentile, print_table
from scripts.sandbox.keys import Keys, Signing

NAME = "sb-project-auth-token"
AUTH_ID = "bbbbbbbb-0000-4000-8000-000000000001"
ROUNDS = 5
CALLS = 2000
WHOLE = CookieForm(is_base64=True, shape=Shape.WHOLE)
RAW = CookieForm(is_base64=False, shape=Shape.WHOLE)


@dataclass(frozen=True, slots=True)
class Signer:
    """A way of signing, with a verifier that knows it."""

    keys: Keys
    verifier: TokenVerifier

    @classmethod
    def of(cls, signing: Signing) -> Signer:
        """Make keys and a verifier of their tokens."""
        keys, clock = Keys.generate(signing=signing), SystemClock()

        async def fetch() -> bytes:
            return msgspec.json.encode(keys.jwks())

        verifier = TokenVerifier(
            secret=keys.jwt_secret,
            keyring=Keyring(fetch, clock),
            clock=clock,
            audience="authenticated",
            leeway_seconds=5.0,
        )
        return cls(keys, verifier)

    def tokens(self, number: int) -> list[str]:
        """Return so many different tokens with the usual claims."""
        usual: dict[str, Any] = {
            "email": "bob@example.com",
            "phone": "12025550102",
            "aal": "aal1",
            "app_metadata": {"provider": "phone"},
        }
        return [self.keys.mint(AUTH_ID, session_id=f"{AUTH_ID}-{n}", **usual) for n in range(number)]


async def measure(scale: float) -> None:
    """Measure and print."""
    calls = int(CALLS * scale)
    signers = {signing: Signer.of(signing) for signing in ("HS256", "ES256")}
    token = signers["HS256"].tokens(1)[0]
    rows = [
        _parsing("cookies → session, usual (base64url)", _header(token, WHOLE), calls),
        _parsing("cookies → session, usual (raw)", _header(token, RAW), calls),
        _parsing("cookies → session, long (base64url)", _header(token, WHOLE, biography=6000), calls),
    ]
    for signing, signer in signers.items():
        rows += [
            await _verifying(f"{signing} token, unknown", signer, signer.tokens(ROUNDS * calls), calls),
            await _verifying(f"{signing} token, known", signer, signer.tokens(1) * (ROUNDS * calls), calls),
        ]
    print_table(
        f"Who sends a request (CPU time, {calls} calls a round)", ("", "bytes", "median", "slowest round"), rows
    )


def _header(token: str, form: CookieForm, biography: int = 0) -> str:
    user = {
        "id": AUTH_ID,
        "aud": "authenticated",
        "email": "bob@example.com",
        "user_metadata": {"bio": "x" * biography},
    }
    session = {"access_token": token, "expires_in": 3600, "refresh_token": "v7kq2mzx3abc", "user": user}
    fields = {name: Raw(msgspec.json.encode(value)) for name, value in session.items()}
    pairs = (one.partition(";")[0] for one in cookies.write(fields, form, NAME, [], secure=False))
    return "; ".join(("theme=dark", "language=en", *pairs))


def _parsing(name: str, header: str, calls: int) -> Row:
    if cookies.read(cookies.select(header, NAME), NAME) is None:
        raise AssertionError("the benchmark's own cookies cannot be read")
    sample = []
    for _ in range(ROUNDS):
        began_at = time.process_time()
        for _ in range(calls):
            cookies.read(cookies.select(header, NAME), NAME)
        sample.append((time.process_time() - began_at) / calls)
    return _row(name, len(header), sample)


async def _verifying(name: str, signer: Signer, tokens: Sequence[str], calls: int) -> Row:
    await signer.verifier.verify(tokens[0])  # fetches the keys
    starts = range(0, len(tokens), calls)
    sample = [await _each(signer.verifier.verify, tokens[start : start + calls]) for start in starts]
    return _row(name, len(tokens[0]), sample)


async def _each(verify: Callable[[str], Awaitable[object]], tokens: Sequence[str]) -> float:
    began_at = time.process_time()
    for token in tokens:
        await verify(token)
    return (time.process_time() - began_at) / len(tokens)


def _row(name: str, size: int, sample: Sequence[float]) -> Row:
    return Row(name, [str(size), _microseconds(percentile(sample, 0.5)), _microseconds(max(sample))])


def _microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} µs"
