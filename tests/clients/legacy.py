"""L: REST, supabase-js and Realtime, and no WebSocket of ours (contract legacy-supabase sections 2 and 4).

Its requests are sent by the real supabase-js; its subscription is the recorded one, frame by frame.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from websockets.asyncio.client import connect

from tests.clients.envelopes import Json
from tests.clients.page import PATIENCE_SECONDS, Page
from tests.clients.store import Returned


class Answer(Protocol):
    """What supabase-js resolves to."""

    @property
    def data(self) -> Any:
        """Return the rows, or None."""
        ...

    @property
    def status(self) -> int | None:
        """Return the HTTP status."""
        ...


class Library(Protocol):
    """supabase-js, by the names of the requests that were recorded."""

    def call(self, request: str, token: str | None, **arguments: object) -> Answer:
        """Send one and wait for its answer."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """What a legacy page knows of its Supabase project."""

    url: str
    publishable_key: str


@dataclass
class LegacyState:
    """What the page draws itself from."""

    active: str | None = None
    messages: list[Json] = field(default_factory=list)
    typing_users: list[str] = field(default_factory=list)
    hidden: list[int | None] = field(default_factory=list)
    """Statuses of requests whose failure the store swallows."""


class L:
    """One page of the legacy client; `user_id` is its users.id."""

    def __init__(self, page: Page, project: Project, library: Library, *, user_id: str, token: str) -> None:
        self.page = page
        self.state = LegacyState()
        self.user_id = user_id
        self._project = project
        self._library = library
        self._token = token

    async def set_active_conversation(self, conversation_id: str) -> None:
        """Show a conversation: the oldest fifty messages, with what they reply to."""
        messages: list[Json] = (await self._call("oldestMessages", conversation=conversation_id)).data
        self.state.active = conversation_id
        self.state.messages = await self._with_replies(messages)
        self.state.typing_users = []
        await self.mark_messages_as_read([one["id"] for one in messages if one["sender_id"] != self.user_id])

    async def load_more_messages(self, conversation_id: str, before_id: str) -> None:
        """Show fifty more above."""
        at: Json = (await self._call("createdAt", id=before_id)).data
        older = (await self._call("messagesBefore", conversation=conversation_id, before=at["created_at"])).data
        self.state.messages = [*await self._with_replies(older[::-1]), *self.state.messages]

    async def send_message(
        self,
        conversation_id: str,
        text: str,
        *,
        metadata: Mapping[str, object] | None = None,
        reply_to: str | None = None,
        at: datetime | None = None,
    ) -> Returned:
        """Insert a row dated by the browser and append it, whether it has come another way or not."""
        row = {
            "conversation_id": conversation_id,
            "message_type": "text",
            "encrypted_content": text,
            "metadata": metadata or {},
            **({"reply_to_id": reply_to} if reply_to else {}),
            "sender_id": self.user_id,
            "created_at": (at or datetime.now(UTC)).isoformat(timespec="milliseconds"),
        }
        answer = await self._call("sendMessage", row=row)
        if answer.data is None:
            self.state.hidden.append(answer.status)
            return Returned(success=False, error="Failed to send message")
        self.state.messages = [*self.state.messages, answer.data]
        return Returned(success=True, result=answer.data)

    async def mark_messages_as_read(self, ids: Sequence[str]) -> None:
        """Write receipts, which are refused; nobody is told."""
        if ids:
            now = datetime.now(UTC).isoformat()
            rows = [{"message_id": one, "user_id": self.user_id, "status": "read", "timestamp": now} for one in ids]
            self._swallow(await self._call("markMessagesAsRead", rows=rows))

    async def set_typing_indicator(self, conversation_id: str, *, is_typing: bool) -> None:
        """Write a typing row, on every keystroke; it is refused, and nobody is told."""
        row = {
            "conversation_id": conversation_id,
            "user_id": self.user_id,
            "is_typing": is_typing,
            "updated_at": datetime.now(UTC).isoformat(),
        }
        self._swallow(await self._call("setTypingIndicator", row=row))

    async def create_direct_conversation(self, other_id: str) -> str:
        """Call the function of that name; the answer is a bare uuid."""
        answer = await self._call("createDirectConversation", user1_id=self.user_id, user2_id=other_id)
        return str(answer.data)

    async def create_group(self, name: str, *, description: str | None = None, is_public: bool = False) -> Returned:
        """Call the function of that purpose and read the first row of its answer; only users with one id may."""
        answer = await self._call(
            "createGroup",
            group_name=name,
            group_description=description,
            creator_id=self.user_id,
            is_public_group=is_public,
        )
        if not answer.data:
            return Returned(success=False, error="Failed to create group")
        return Returned(success=True, result=answer.data[0])

    async def join_group_by_invite(self, code: str) -> Returned:
        """Call the function of that purpose; the UI has put the code into capitals. It has never succeeded."""
        answer = await self._call("joinGroupByInvite", invite_code_param=code.upper(), user_id_param=self.user_id)
        if not answer.data:
            return Returned(success=False, error="Failed to join group")
        first: Json = answer.data[0]
        return Returned(success=first["success"], result=first, error=None if first["success"] else first["message"])

    async def subscribe_to_conversation(self, conversation_id: str) -> None:
        """Listen to new messages and to changed typing rows; returns when changes flow."""
        flowing = asyncio.Event()
        self.page.spawn(self._listen(conversation_id, flowing))
        async with asyncio.timeout(PATIENCE_SECONDS):
            await flowing.wait()

    def _changed(self, change: Json) -> None:
        record: Json = change["record"]
        if change["table"] == "messages":
            # Whatever the active conversation is; only its own list is looked at.
            if all(known["id"] != record["id"] for known in self.state.messages):
                self.state.messages = [*self.state.messages, record]
        else:
            others = [one for one in self.state.typing_users if one != record["user_id"]]
            self.state.typing_users = [*others, record["user_id"]] if record["is_typing"] else others
        self.page.changed()

    async def _listen(self, conversation_id: str, flowing: asyncio.Event) -> None:
        parameters = urlencode({"apikey": self._project.publishable_key, "eventsPerSecond": 10, "vsn": "1.0.0"})
        host = urlsplit(self._project.url).netloc
        async with connect(f"ws://{host}/realtime/v1/websocket?{parameters}") as socket:
            await socket.send(json.dumps(_join(conversation_id)))
            async for text in socket:
                frame = json.loads(text)
                if frame["event"] == "system":
                    flowing.set()
                elif frame["event"] == "postgres_changes":
                    self._changed(frame["payload"]["data"])

    async def _with_replies(self, messages: Sequence[Json]) -> list[Json]:
        ids = [one["reply_to_id"] for one in messages if one["reply_to_id"]]
        found: list[Json] = (await self._call("replies", ids=ids)).data if ids else []
        originals = {one["id"]: one for one in found}
        return [{**one, "reply_to": originals.get(one["reply_to_id"])} for one in messages]

    async def _call(self, request: str, **arguments: object) -> Answer:
        return await asyncio.to_thread(self._library.call, request, self._token, **arguments)

    def _swallow(self, answer: Answer) -> None:
        self.state.hidden.append(answer.status)


def _join(conversation_id: str) -> Json:
    """Return the recorded join: without a token, so it may be judged as anon."""
    of_conversation = {"schema": "public", "filter": f"conversation_id=eq.{conversation_id}"}
    changes = [
        {"event": "INSERT", **of_conversation, "table": "messages"},
        {"event": "UPDATE", **of_conversation, "table": "typing_indicators"},
    ]
    return {
        "topic": f"realtime:conversation:{conversation_id}",
        "event": "phx_join",
        "payload": {
            "config": {
                "broadcast": {"ack": False, "self": False},
                "presence": {"key": "", "enabled": False},
                "postgres_changes": changes,
                "private": False,
            }
        },
        "ref": "1",
        "join_ref": "1",
    }
