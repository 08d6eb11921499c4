"""Where a running sandbox is and how to get in: what `python -m scripts.sandbox --json` prints as one line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from scripts.sandbox.generations import Generation
from scripts.sandbox.keys import Signing


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonAddress:
    """A sample person; without an auth account there is no token, email or password."""

    user_id: UUID | None
    auth_id: UUID | None
    token: str | None
    email: str | None
    password: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxAddress:
    """Everything a client, a bridge or a test needs to know about a sandbox."""

    url: str
    database_url: str
    publishable_key: str
    secret_key: str
    anon_key: str
    service_role_key: str
    jwt_secret: str
    signing: Signing
    generation: Generation
    people: Mapping[str, PersonAddress]
    conversations: Mapping[str, UUID]

    @classmethod
    def from_json(cls, line: bytes | str) -> SandboxAddress:
        """Read the line.

        Raises:
            msgspec.DecodeError: it is not such a line.

        """
        return msgspec.json.decode(line, type=cls)

    def to_json(self) -> bytes:
        """Return the line, without its end."""
        return msgspec.json.encode(self)
