"""Sealed copies as W3 makes them: JSON that only its recipient's key opens. Nothing here is secret, or meant to be."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field

from tests.clients.envelopes import Json

ALGORITHM = "ML-KEM-1024"
_NONCE_BYTES = 24
_KEM_BYTES = 1568


class NotForUs(Exception):
    """This is no sealed copy, or one for somebody else."""


@dataclass
class KeyServer:
    """Everybody's keys, as the app's endpoint for public keys hands them out."""

    keys: dict[str, bytes] = field(default_factory=dict)

    def of(self, user_id: str) -> bytes:
        """Return somebody's key; whoever has none yet gets one."""
        return self.keys.setdefault(user_id, secrets.token_bytes(32))


class Keys:
    """One person's way to them: it seals for anybody and opens what is for itself."""

    def __init__(self, server: KeyServer, user_id: str) -> None:
        self.is_ready = False
        self._server = server
        self._user_id = user_id

    async def initialise(self) -> None:
        """Fetch the own key; the client does it before it sends `auth`."""
        self._server.of(self._user_id)
        self.is_ready = True

    def seal(self, text: str, recipient: str) -> str:
        """Return a recipient's copy."""
        key, nonce = self._server.of(recipient), secrets.token_bytes(_NONCE_BYTES)
        content = _masked(text.encode(), key, nonce)
        fields = {"kem": secrets.token_bytes(_KEM_BYTES), "s": _tag(content, key), "n": nonce, "c": content}
        printed = {name: base64.b64encode(value).decode() for name, value in fields.items()}
        return json.dumps({"v": 3, "alg": ALGORITHM, **printed, "t": 1_764_000_000_000})

    def open(self, copy: str) -> str:
        """Return what a copy says.

        Raises:
            NotForUs: it is plain text, or sealed for somebody else.

        """
        key = self._server.of(self._user_id)
        sealed = _fields(copy)
        if not hmac.compare_digest(_tag(sealed["c"], key), sealed["s"]):
            raise NotForUs
        return _masked(sealed["c"], key, sealed["n"]).decode()


def _fields(copy: str) -> dict[str, bytes]:
    try:
        fields: Json = json.loads(copy)
        if fields.keys() != {"v", "alg", "kem", "s", "n", "c", "t"}:
            raise NotForUs
        return {name: base64.b64decode(fields[name], validate=True) for name in ("s", "n", "c")}
    except (ValueError, TypeError, AttributeError) as error:
        raise NotForUs from error


def _masked(content: bytes, key: bytes, nonce: bytes) -> bytes:
    stream = hashlib.shake_256(key + nonce).digest(len(content))
    return bytes(one ^ other for one, other in zip(content, stream, strict=True))


def _tag(content: bytes, key: bytes) -> bytes:
    return hmac.digest(key, content, "sha256")
