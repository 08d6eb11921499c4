"""The app's old server as contract legacy-rest records it, with its failures: it takes auth ids for users.id.

Small, but real: sessions are asked from the Auth server, rows from the project under the caller's own token. What it
answers may be twisted by a test. It has no endpoint that writes, and remembers whoever tries.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from bridge.models import User, UserId
from bridge.search import best_matches, masked
from compat import cookies
from scripts.sandbox.address import SandboxAddress

COOKIE = "sb-127-auth-token"
Reply = tuple[int, Any]
Twist = Callable[[str, Reply], Reply]
UNAUTHORIZED: Reply = (401, {"error": "Unauthorized"})
GONE = 0
"""As a status: the connection ends without an answer."""
HTML = "<!doctype html><title>Chat</title>"


@dataclass
class OldApp:
    """The handlers, and what a test may look at or change."""

    sandbox: SandboxAddress
    twist: Twist = lambda path, reply: reply
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=30.0))
    asked: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    """Requests with other methods than GET."""

    def reply(self, path: str, query: str, headers: Any) -> Reply:
        """Answer a GET."""
        self.asked.append(path)
        if path.startswith(("/api/conversations/", "/api/settings/")):
            return self.twist(path, self._by_bearer(path, headers.get("Authorization", "")))
        stored = cookies.read(cookies.select(headers.get("Cookie", ""), COOKIE), COOKIE)
        auth_id = self._auth_id(stored.access_token) if stored else None
        if stored is None or auth_id is None:
            return self.twist(path, UNAUTHORIZED)
        return self.twist(path, self._by_cookie(path, query, auth_id, stored.access_token))

    def _by_cookie(self, path: str, query: str, auth_id: str, token: str) -> Reply:
        if path == "/api/chat/conversations":
            found = self._call("get_user_conversations_enhanced", token, user_uuid=auth_id)
            return 200, {"conversations": found}
        if path == "/api/chat/groups":
            return 200, {"groups": self._call("get_user_groups", token, user_uuid=auth_id)}
        if path == "/api/users/search":
            return 200, {"users": self._found(parse_qs(query).get("q", [""])[0], auth_id, token)}
        return self._participants(path.split("/")[4], auth_id, token)

    def _participants(self, conversation_id: str, auth_id: str, token: str) -> Reply:
        listed = self._rows(
            "conversation_participants",
            token,
            select="user_id,role,joined_at,users(id,username,display_name,avatar_url)",
            conversation_id=f"eq.{conversation_id}",
            left_at="is.null",
            order="joined_at",
        )
        if auth_id not in {row["user_id"] for row in listed}:
            return 403, {"error": "You are not a participant in this conversation"}
        return 200, {"participants": listed}

    def _found(self, asked: str, auth_id: str, token: str) -> list[dict[str, object]]:
        text = asked.strip().lower()
        if not text:
            return []
        anywhere = ",".join(f"{column}.ilike.%{text}%" for column in ("username", "display_name", "phone_number"))
        columns = "id,auth_user_id,username,display_name,phone_number,avatar_url"
        rows = self._rows("users", token, select=columns, id=f"neq.{auth_id}", limit="50", **{"or": f"({anywhere})"})
        people = [User(**{**row, "id": UserId(row["id"])}) for row in rows]
        return [
            {
                "id": one.id,
                "username": one.username,
                "display_name": one.display_name,
                "avatar_url": one.avatar_url,
                "phone_partial": masked(one.phone_number),
            }
            for one in best_matches(people, text)
        ]

    def _by_bearer(self, path: str, header: str) -> Reply:
        if not header.startswith("Bearer "):
            return 401, {"error": "Missing or invalid authorization header"}
        auth_id = self._auth_id(header.removeprefix("Bearer "))
        if auth_id is None:
            return 401, {"error": "Invalid token"}
        key = self.sandbox.secret_key
        if path.startswith("/api/settings/"):
            days = "default_message_retention_days"
            (row,) = self._rows("users", key, select=days, auth_user_id=f"eq.{auth_id}")
            return 200, {"success": True, **row}
        conversation_id = path.split("/")[3]
        if not self._rows(
            "conversation_participants", key, conversation_id=f"eq.{conversation_id}", user_id=f"eq.{auth_id}"
        ):
            return 403, {"error": "Access denied to this conversation"}
        columns = "disappearing_messages_enabled,disappearing_messages_duration_days"
        (timer,) = self._rows("conversations", key, select=columns, id=f"eq.{conversation_id}")
        return 200, timer

    def _auth_id(self, token: str) -> str | None:
        headers = {"apikey": self.sandbox.publishable_key, "Authorization": f"Bearer {token}"}
        answer = self.http.get(f"{self.sandbox.url}/auth/v1/user", headers=headers)
        return str(answer.json()["id"]) if answer.is_success else None

    def _rows(self, table: str, token: str, **filters: str) -> list[dict[str, Any]]:
        answer = self.http.get(f"{self.sandbox.url}/rest/v1/{table}", params=filters, headers=self._as(token))
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found

    def _call(self, function: str, token: str, **arguments: str) -> list[dict[str, Any]]:
        url = f"{self.sandbox.url}/rest/v1/rpc/{function}"
        answer = self.http.post(url, json=arguments, headers=self._as(token))
        found: list[dict[str, Any]] = answer.raise_for_status().json()
        return found

    def _as(self, token: str) -> dict[str, str]:
        key = token if token == self.sandbox.secret_key else self.sandbox.publishable_key
        return {"apikey": key, "Authorization": f"Bearer {token}"}


@contextmanager
def old_app(sandbox: SandboxAddress, twist: Twist = lambda path, reply: reply) -> Iterator[tuple[OldApp, str]]:
    """Run one until the block ends; yields it and its address."""
    app = OldApp(sandbox, twist)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            status, body = app.reply(address.path, address.query, self.headers)
            if status == GONE:
                self.close_connection = True
                return
            is_html = isinstance(body, str)
            text = body.encode() if is_html else json.dumps(body).encode()
            self.send_response(status)
            if status == httpx.codes.FOUND:
                self.send_header("Location", "/login?next=%2F")
            self.send_header("Content-Type", "text/html; charset=utf-8" if is_html else "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _remember(self) -> None:
            app.others.append(f"{self.command} {self.path}")
            self.send_error(405)

        do_POST = do_PUT = do_PATCH = do_DELETE = _remember  # noqa: N815  # http.server's names

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002  # http.server's name
            """Say nothing."""

    with app.http, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = False  # so that its end waits for them
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield app, f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
