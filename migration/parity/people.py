"""Whom to compare: everybody who can sign in or a sample, each with a token that lasts as long as it takes."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from bridge.clock import Clock
from bridge.comparison.old_way import ROW_CAP, OldWayFailed
from bridge.settings import Settings
from migration.errors import Refused
from migration.parity.control import Control, Person

LIFETIME: Final = timedelta(minutes=15)
"""A token is made when its person's turn comes."""
_PARTS: Final = 3


class User(Struct, frozen=True, kw_only=True):
    """A users row that a token can lead to."""

    id: str
    auth_user_id: str


class Claims(Struct, frozen=True):
    """What is read in an access token, without believing it."""

    sub: str = ""
    iat: int = 0
    exp: int = 0


class Signer:
    """Makes access tokens as the Auth server does, with the project's shared secret (HS256)."""

    def __init__(self, secret: str, audience: str) -> None:
        self._secret = secret.encode()
        self._audience = audience

    def token(self, auth_id: str, now: datetime) -> str:
        """Return a token of somebody (RFC 7515)."""
        claims = {
            "sub": auth_id,
            "role": "authenticated",
            "aud": self._audience,
            "iat": int(now.timestamp()),
            "exp": int((now + LIFETIME).timestamp()),
        }
        signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
        signature = hmac.new(self._secret, signed.encode(), hashlib.sha256).digest()
        return f"{signed}.{_printed(signature)}"


def _part(content: object) -> str:
    return _printed(msgspec.json.encode(content))


def _printed(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


async def users(control: Control) -> list[User]:
    """Return everybody who can sign in, once for each auth id: the oldest row counts.

    Raises:
        Refused: the users cannot be read.

    """
    found: dict[str, User] = {}
    after = ""
    while True:
        beyond = {"id": f"gt.{after}"} if after else {}
        try:
            page = await control.rows(
                "users", select="id,auth_user_id", auth_user_id="not.is.null", order="id", limit=str(ROW_CAP), **beyond
            )
        except OldWayFailed as error:
            raise Refused(f"The users cannot be read: {error}.") from None
        for user in msgspec.convert(page, list[User]):
            found.setdefault(user.auth_user_id, user)
        if len(page) < ROW_CAP:
            return list(found.values())
        after = str(page[-1]["id"])


def sample(everybody: Iterable[User], count: int | None, seed: str) -> Sequence[User]:
    """Return so many of them, the same ones for the same seed however many others there are; None: all."""

    def place(user: User) -> bytes:
        return hashlib.sha256(f"{seed}/{user.id}".encode()).digest()

    return sorted(everybody, key=place)[:count]


def read_tokens(path: Path) -> dict[str, str]:
    """Read access tokens, one a line, by whose they are; for projects whose tokens nobody else can sign.

    Raises:
        Refused: it cannot be read, or holds something else.

    """
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        tokens = {_subject(line): line for line in lines if line}
    except (OSError, ValueError):
        raise Refused(f"{path} is no file with one access token in each line.") from None
    if not tokens:
        raise Refused(f"{path} holds no access token.")
    return tokens


def _subject(token: str) -> str:
    subject = claims_of(token).sub
    if not subject:
        raise ValueError("nobody's token")
    return subject


def claims_of(token: str) -> Claims:
    """Read what an access token says.

    Raises:
        ValueError: it is none.

    """
    parts = token.split(".")
    if len(parts) != _PARTS:
        raise ValueError("no token")
    claims = base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
    return msgspec.json.decode(claims, type=Claims)


def signed_in(user: User, token: str) -> Person:
    """Return somebody who can be compared."""
    return Person(user_id=user.id, auth_id=user.auth_user_id, token=token)


class Tokens:
    """Where people's tokens come from: the shared secret, or a file.

    Raises:
        Refused: there is neither, or the file holds something else.

    """

    def __init__(self, settings: Settings, path: Path | None, clock: Clock) -> None:
        self._given = read_tokens(path) if path else {}
        self._clock = clock
        secret = settings.supabase_jwt_secret
        if secret is None and path is None:
            raise Refused(
                "To ask as people do, their tokens are needed: set SUPABASE_JWT_SECRET, or give --tokens FILE."
            )
        self._signer = Signer(secret.get_secret_value() if secret else "", settings.token_audience)

    def can_be(self, user: User) -> bool:
        """Tell whether there is a token of this user."""
        return not self._given or user.auth_user_id in self._given

    def person(self, user: User) -> Person:
        """Return the user with a token."""
        given = self._given.get(user.auth_user_id)
        return signed_in(user, given or self._signer.token(user.auth_user_id, self._clock.now()))
