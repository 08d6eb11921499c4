"""A verifier of tokens, and things of a token's form."""

from __future__ import annotations

import base64

import pytest
from structlog.testing import capture_logs

from bridge.auth import MAX_TOKEN_LENGTH, Claims, TokenVerifier
from bridge.clock import FakeClock
from bridge.errors import ActionError
from bridge.keyring import Keyring
from tests.tokens import AUDIENCE, SECRET, Mint, keyring_of

OTHER_SECRET = "another secret that is long enough to sign with it"

LEEWAY = 5.0


class Setting:
    """A verifier that knows one secret and one ES256 key."""

    def __init__(
        self, *, secret: str | None = SECRET, jwks: bytes | None = None, keyring: Keyring | None = None
    ) -> None:
        self.clock = FakeClock()
        self.mint = Mint(self.clock)
        self.verifier = TokenVerifier(
            secret=secret,
            keyring=keyring or keyring_of(self.mint.jwks() if jwks is None else jwks, self.clock),
            clock=self.clock,
            audience=AUDIENCE,
            leeway_seconds=LEEWAY,
        )

    @property
    def now(self) -> int:
        """Return the seconds that claims are given in."""
        return int(self.clock.now().timestamp())

    async def accepts(self, token: str) -> Claims:
        """Return the claims of a good token."""
        return await self.verifier.verify(token)

    async def refuses(self, token: str) -> str:
        """Return the code under which a token is refused, having seen that the log does not quote it."""
        with capture_logs() as logs, pytest.raises(ActionError) as caught:
            await self.verifier.verify(token)
        assert logs or len(token) > MAX_TOKEN_LENGTH or token.startswith("sb_")
        assert len(token) < 40 or token not in str(logs)
        return caught.value.fault.code.value


def unsigned(header: bytes, body: bytes = b"{}", signature: bytes = b"") -> str:
    """Return something of a token's form."""
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in (header, body, signature))
