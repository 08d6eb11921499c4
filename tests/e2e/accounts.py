"""Accounts of a test's own, and the real @supabase/ssr that signs them in."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from scripts.sandbox.address import SandboxAddress
from tests.compat.browser import Browser
from tests.e2e.database import Database
from tests.node import NodeScript

PASSWORD = "a password of the tests"
NAME = "sb-127-auth-token"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can sign in, with a users row linked to the account."""

    email: str
    auth_id: str
    user_id: str


async def sign_up(sandbox: SandboxAddress, database: Database, **metadata: object) -> Account:
    """Make an account and its users row."""
    email, user_id = f"{uuid.uuid4()}@example.com", str(uuid.uuid4())
    async with httpx.AsyncClient(base_url=sandbox.url, headers={"apikey": sandbox.publishable_key}) as http:
        asked = {"email": email, "password": PASSWORD, "data": metadata}
        answer = await http.post("/auth/v1/signup", json=asked)
    auth_id = str(answer.raise_for_status().json()["user"]["id"])
    await database.run(
        "insert into users (id, auth_user_id, username, display_name, phone_number) values (%s, %s, %s, 'New', %s)",
        user_id,
        auth_id,
        user_id,
        user_id,
    )
    return Account(email, auth_id, user_id)


async def refreshes_of(database: Database, account: Account) -> int:
    """Return how often the account's sessions were refreshed, as the Auth server counts."""
    ((number,),) = await database.fetch(
        "select count(*) from auth.refresh_tokens where user_id::text = %s and parent is not null", account.auth_id
    )
    return int(number)


class Library:
    """@supabase/ssr in a Node process (scripts/sandbox/node/session_cookies.mjs)."""

    def __init__(self, script: NodeScript) -> None:
        self._script = script

    async def signed_in(self, account: Account, **options: object) -> Browser:
        """Return the browser in which somebody has just signed in."""
        made = await self._ask("make", email=account.email, password=PASSWORD, **options)
        return Browser().take(made["setCookies"])

    async def read(self, browser: Browser, **options: object) -> Json:
        """Return what the app's server sees in a browser's cookies; whose they are is asked from the Auth server."""
        seen: Json = await self._ask("read", header=browser.header, **options)
        return seen

    async def chunks(self, value: str) -> dict[str, str]:
        """Return the cookies into which a value is divided."""
        pairs = await self._ask("chunks", name=NAME, value=value)
        return dict(pair.split("=", 1) for pair in pairs)

    async def _ask(self, command: str, **given: object) -> Any:
        told = await asyncio.to_thread(self._script.ask, {"command": command, "with": given})
        assert told["error"] is None, told["error"]
        return told["data"]
