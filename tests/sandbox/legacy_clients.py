"""The requests of contract/legacy-supabase, sections 2 and 3, by the two real libraries, under the same names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import httpx
from postgrest import APIError, APIResponse
from supabase import Client, ClientOptions, create_client
from supabase_auth.errors import AuthApiError

from scripts.sandbox.address import SandboxAddress
from tests.node import NodeScript

SENDER = "*,sender:users!messages_sender_id_fkey(id,username,display_name,avatar_url)"
WITH_REPLY = f"{SENDER},reply_to:messages!messages_reply_to_id_fkey(id,encrypted_content,sender_id)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a client library made of the answer; Python's does not tell the status."""

    data: Any
    code: str | None
    status: int | None


class LegacyClient(Protocol):
    """One of the libraries."""

    def call(self, request: str, token: str | None, **arguments: object) -> Outcome:
        """Send a request by its name, as the bearer of `token` or of the publishable key alone."""


class SupabaseJs:
    """supabase-js in a Node process (scripts/sandbox/node/contract_requests.mjs)."""

    def __init__(self, sandbox: SandboxAddress) -> None:
        self._script = NodeScript("contract_requests.mjs", sandbox)

    def call(self, request: str, token: str | None, **arguments: object) -> Outcome:
        """Have it send the request."""
        told = self._script.ask({"request": request, "token": token, "with": arguments})
        error = told["error"] or {}
        return Outcome(data=told["data"], code=error.get("code"), status=told.get("status") or error.get("status"))

    def close(self) -> None:
        """End the process."""
        self._script.close()


class SupabasePy:
    """supabase-py in this process."""

    def __init__(self, sandbox: SandboxAddress) -> None:
        self._sandbox = sandbox

    def call(self, request: str, token: str | None, **arguments: object) -> Outcome:
        """Build a client as the request's bearer and send it."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        with httpx.Client() as transport:
            options = ClientOptions(
                headers=headers, httpx_client=transport, persist_session=False, auto_refresh_token=False
            )
            client = create_client(self._sandbox.url, self._sandbox.publishable_key, options)
            try:
                answer = _REQUESTS[request](client, arguments)
            except (APIError, AuthApiError) as error:
                return Outcome(data=None, code=error.code, status=None)
        return Outcome(data=answer.data if isinstance(answer, APIResponse) else answer, code=None, status=None)


_REQUESTS: Mapping[str, Callable[[Client, Mapping[str, Any]], Any]] = {
    "oldestMessages": lambda client, given: (
        client.table("messages")
        .select(SENDER)
        .eq("conversation_id", given["conversation"])
        .is_("deleted_at", "null")
        .order("created_at")
        .limit(50)
        .execute()
    ),
    "replies": lambda client, given: (
        client.table("messages").select("id,encrypted_content,sender_id").in_("id", given["ids"]).execute()
    ),
    "sendMessage": lambda client, given: _first(
        # supabase-py has no select() after insert(): it asks for all columns, and so for no sender.
        client.table("messages").insert([given["row"]]).execute()
    ),
    "createdAt": lambda client, given: (
        client.table("messages").select("created_at").eq("id", given["id"]).single().execute()
    ),
    "messagesBefore": lambda client, given: (
        client.table("messages")
        .select(SENDER)
        .eq("conversation_id", given["conversation"])
        .is_("deleted_at", "null")
        .lt("created_at", given["before"])
        .order("created_at", desc=True)
        .limit(50)
        .execute()
    ),
    "markMessagesAsRead": lambda client, given: (
        client.table("message_status").upsert(given["rows"], on_conflict="message_id,user_id").execute()
    ),
    "setTypingIndicator": lambda client, given: (
        client.table("typing_indicators").upsert(given["row"], on_conflict="conversation_id,user_id").execute()
    ),
    "createGroup": lambda client, given: client.rpc("create_group_with_default_room", dict(given)).execute(),
    "joinGroupByInvite": lambda client, given: client.rpc("join_group_by_invite", dict(given)).execute(),
    "createDirectConversation": lambda client, given: client.rpc("create_direct_conversation", dict(given)).execute(),
    "getUserProfile": lambda client, given: client.table("users").select("*").eq("id", given["id"]).single().execute(),
    "updateUserProfile": lambda client, given: _first(
        client.table("users").update(given["changes"]).eq("id", given["id"]).execute()
    ),
    "getUserConversations": lambda client, given: client.rpc("get_user_conversations", dict(given)).execute(),
    "getUserConversationsEnhanced": lambda client, given: client.rpc(
        "get_user_conversations_enhanced", dict(given)
    ).execute(),
    "insertMessage": lambda client, given: _first(client.table("messages").insert(given["row"]).execute()),
    "getMessages": lambda client, given: (
        client.table("messages")
        .select(WITH_REPLY)
        .eq("conversation_id", given["conversation"])
        .order("created_at", desc=True)
        .limit(50)
        .execute()
    ),
    "markMessageAsRead": lambda client, given: (
        client.table("message_status").upsert(given["row"], on_conflict="message_id,user_id").execute()
    ),
    "updatePresence": lambda client, given: (
        client.table("user_presence").upsert(given["row"], on_conflict="user_id").execute()
    ),
    "signIn": lambda client, given: client.auth.sign_in_with_password(
        {"email": given["email"], "password": given["password"]}
    ).model_dump(mode="json"),
    "getUser": lambda client, given: client.auth.get_user(given["of"]).model_dump(mode="json"),  # type: ignore[union-attr]  # raises instead
}


def _first(answer: APIResponse) -> Any:
    """Return the only row, as supabase-js does by `.single()`."""
    return answer.data[0] if answer.data else None
