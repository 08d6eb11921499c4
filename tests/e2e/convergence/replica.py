"""What a client with all capabilities holds: every frame that it gets, folded as docs/protocol.md says. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any

from tests.clients.envelopes import Json

MAX_UNREAD = 100
Place = tuple[datetime, str]
NOWHERE: Place = datetime.min.replace(tzinfo=UTC), ""
View = dict[str, dict[str, Any]]
"""Parts by name, and in each what there is by id."""


class Replica:
    """One client's state."""

    def __init__(self) -> None:
        self.me = ""
        self.lines: dict[str, Json] = {}
        self.groups: dict[str, str] = {}
        self.members: dict[str, set[str]] = {}
        """Of conversations whose members were loaded."""
        self.messages: dict[str, dict[str, Json]] = {}
        """Of conversations that were opened."""
        self.presence: dict[str, Json] = {}
        self.choices: dict[str, Any] = {}
        """What one has chosen for oneself: how long messages are kept, and timers of one's own."""
        self.typing: set[tuple[str, str]] = set()
        self._read_up_to: dict[str, Place] = {}
        self._steps: dict[str, Callable[[Json], None]] = {
            "auth_success": self._authenticated,
            "conversations_loaded": self._conversations_loaded,
            "messages_loaded": self._messages_loaded,
            "presence_loaded": self._presence_loaded,
            "retention_loaded": self._retention_shown,
            "retention_set": self._retention_shown,
            "conversation_timer_loaded": self._own_timer_shown,
            "own_timer_set": self._own_timer_shown,
            "groups_loaded": self._groups_loaded,
            "group_created": self._group_entered,
            "group_joined": self._group_entered,
            "message_received": self._message_received,
            "message_updated": self._message_updated,
            "message_deleted": self._message_deleted,
            "messages_read": self._messages_read,
            "conversation_added": self._line_shown,
            "conversation_changed": self._line_shown,
            "conversation_removed": self._conversation_removed,
            "member_added": self._member_added,
            "member_removed": self._member_removed,
            "presence_changed": self._presence_changed,
            "typing_update": self._typing_update,
        }

    def take(self, frame: Json) -> None:
        """Take a frame in; types without a meaning for the state are passed over."""
        step = self._steps.get(frame["type"])
        if step is not None:
            step(frame["payload"])

    def view(self) -> View:
        """Return what a fresh load would have to show.

        Nobody is told of the own presence; that of others counts while a conversation is shared.
        """
        others = set[str]().union(*self.members.values()) - {self.me}
        return {
            "conversations": {one: dict(line) for one, line in self.lines.items()},
            "groups": dict(self.groups),
            "choices": dict(self.choices),
            "members": {one: sorted(members) for one, members in self.members.items()},
            "messages": {one: dict(messages) for one, messages in self.messages.items()},
            "presence": {one: seen(self.presence.get(one)) for one in others},
        }

    # What loads answer.

    def _authenticated(self, payload: Json) -> None:
        self.me = payload["user"]["id"]

    def _conversations_loaded(self, payload: Json) -> None:
        self.lines = {}
        for line in payload["conversations"]:
            self._line_shown({"conversation": line})

    def _messages_loaded(self, payload: Json) -> None:
        """Take the newest page; loading has marked it as read."""
        conversation_id = payload["conversationId"]
        self.messages[conversation_id] = {one["id"]: one for one in payload["messages"]}
        self._read(conversation_id, payload["messages"])

    def _presence_loaded(self, payload: Json) -> None:
        self.members[payload["conversationId"]] = {one["userId"] for one in payload["users"]}
        for row in payload["users"]:
            self._presence_changed(row)
        self._count_members(payload["conversationId"])

    def _groups_loaded(self, payload: Json) -> None:
        self.groups = {one["group_id"]: one["group_name"] for one in payload["groups"]}

    def _group_entered(self, payload: Json) -> None:
        """Take the answer to one's own command."""
        self.groups[payload["group_id"]] = (
            payload["group_name"] if "group_name" in payload else payload["group"]["group_name"]
        )

    def _retention_shown(self, payload: Json) -> None:
        self.choices["retention"] = payload["days"]

    def _own_timer_shown(self, payload: Json) -> None:
        self.choices[payload["conversationId"]] = payload["own"]

    # Pushes.

    def _line_shown(self, payload: Json) -> None:
        line = payload["conversation"]
        self.lines[line["id"]] = dict(line)

    def _conversation_removed(self, payload: Json) -> None:
        conversation_id = payload["conversationId"]
        self.lines.pop(conversation_id, None)
        self.members.pop(conversation_id, None)
        self.messages.pop(conversation_id, None)
        self.choices.pop(conversation_id, None)
        self._read_up_to.pop(conversation_id, None)

    def _member_added(self, payload: Json) -> None:
        if payload["conversationId"] in self.members:
            self.members[payload["conversationId"]].add(payload["user"]["id"])
            self._count_members(payload["conversationId"])

    def _member_removed(self, payload: Json) -> None:
        if payload["conversationId"] in self.members:
            self.members[payload["conversationId"]].discard(payload["userId"])
            self._count_members(payload["conversationId"])

    def _message_received(self, payload: Json) -> None:
        message = payload["message"]
        line = self.lines.get(message["conversation_id"])
        if message["conversation_id"] in self.messages:
            self.messages[message["conversation_id"]][message["id"]] = message
            self._look_again(message["conversation_id"])
        elif line is not None and place_of(message) > latest_of(line):
            is_own = message["sender_id"] == self.me
            line["unread_count"] = 0 if is_own else min(line["unread_count"] + 1, MAX_UNREAD)
            show_latest(line, message)

    def _message_updated(self, payload: Json) -> None:
        message = payload["message"]
        held = self.messages.get(message["conversation_id"])
        if held is not None:
            held[message["id"]] = message
            for reply in replies_to(message["id"], held):
                reply["reply_to"] = {**reply["reply_to"], "encrypted_content": message["encrypted_content"]}
            self._look_again(message["conversation_id"])

    def _message_deleted(self, payload: Json) -> None:
        held = self.messages.get(payload["conversationId"])
        if held is not None:
            held.pop(payload["messageId"], None)
            for reply in replies_to(payload["messageId"], held):
                del reply["reply_to"]
            self._look_again(payload["conversationId"])

    def _messages_read(self, payload: Json) -> None:
        held = self.messages.get(payload["conversationId"], {})
        if payload["userId"] == self.me:
            self._read(payload["conversationId"], [held[one] for one in payload["messageIds"] if one in held])

    def _presence_changed(self, payload: Json) -> None:
        self.presence[payload["userId"]] = payload

    def _typing_update(self, payload: Json) -> None:
        typist = payload["conversationId"], payload["userId"]
        (self.typing.add if payload["isTyping"] else self.typing.discard)(typist)

    # What follows from what is held.

    def _read(self, conversation_id: str, messages: Iterable[Json]) -> None:
        places = [self._read_up_to.get(conversation_id, NOWHERE), *map(place_of, messages)]
        self._read_up_to[conversation_id] = max(places)
        self._look_again(conversation_id)

    def _count_members(self, conversation_id: str) -> None:
        if conversation_id in self.lines:
            self.lines[conversation_id]["participant_count"] = len(self.members[conversation_id])

    def _look_again(self, conversation_id: str) -> None:
        """Let the line of an opened conversation follow its messages."""
        line = self.lines.get(conversation_id)
        if line is None or conversation_id not in self.messages:
            return
        held = sorted(self.messages[conversation_id].values(), key=place_of)
        show_latest(line, held[-1] if held else None)
        written = [place_of(one) for one in held if one["sender_id"] == self.me]
        read = max([self._read_up_to.get(conversation_id, NOWHERE), *written])
        line["unread_count"] = min(sum(place_of(one) > read for one in held), MAX_UNREAD)


def place_of(message: Json) -> Place:
    """Return a message's place in the order."""
    return datetime.fromisoformat(message["created_at"]), message["id"]


def latest_of(line: Json) -> Place:
    """Return the place of the message that a line shows; before all others if it shows none."""
    if line["latest_message_id"] is None:
        return NOWHERE
    return place_of({"created_at": line["latest_message_created_at"], "id": line["latest_message_id"]})


def replies_to(message_id: str, held: dict[str, Json]) -> list[Json]:
    """Return the replies that show a message, each a copy of its own by now: frames are left as they came."""
    for one in [reply for reply in held.values() if reply.get("reply_to", {}).get("id") == message_id]:
        held[one["id"]] = dict(one)
    return [reply for reply in held.values() if reply.get("reply_to", {}).get("id") == message_id]


def show_latest(line: Json, message: Json | None) -> None:
    """Write a message into a line, under both sets of names."""
    shown = message or {"id": None, "encrypted_content": None, "sender_id": None, "created_at": None, "sender": None}
    username = shown["sender"]["username"] if shown["sender"] else None
    line.update(
        latest_message_id=shown["id"],
        latest_message_content=shown["encrypted_content"],
        latest_message_sender_id=shown["sender_id"],
        latest_message_sender_username=username,
        latest_message_created_at=shown["created_at"],
        last_message_content=shown["encrypted_content"],
        last_message_sender_username=username,
        last_message_at=shown["created_at"],
    )


def seen(row: Json | None) -> Json | None:
    """Return how somebody is, with the last sign of life where that is of interest: of who is not here."""
    return row if row is None or row["status"] == "offline" else {**row, "lastSeen": None}
