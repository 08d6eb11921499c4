"""A relay whose database has the change log, with clients that want to hear of everything."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from bridge.capabilities import Capability
from bridge.change_log import LogEntry, Operation
from bridge.models import ConversationId, Message, UserId
from tests.listened import Listened
from tests.people import BIRTH, ROOM, A, B, Person, X, conversation_id, participant
from tests.receivers import Listener

EVERYTHING = (Capability.MESSAGE_CHANGES, Capability.CONVERSATIONS, Capability.MEMBERS, Capability.RECEIPTS)
INSERT, UPDATE, DELETE, TRUNCATE = Operation
LONG_AGO = BIRTH - timedelta(days=400)
NEW = conversation_id(7)


class Setting(Listened):
    """A relay that is live, on tables with a log; new clients of A, B and X."""

    def __init__(self) -> None:
        super().__init__()
        self.tables.recorded = []
        self.a, self.b, self.x = (self.listening(person, *EVERYTHING) for person in (A, B, X))

    def record(
        self,
        table: str,
        operation: Operation,
        row_id: str | None = None,
        *,
        room: ConversationId | None = None,
        user: UserId | None = None,
    ) -> None:
        """Let a trigger record something."""
        assert self.tables.recorded is not None
        self.tables.recorded.append(
            LogEntry(
                table=table,
                operation=operation,
                row_id=row_id,
                conversation_id=room,
                user_id=user,
                at=self.clock.now(),
            )
        )

    def write(self, row: Message, operation: Operation = INSERT) -> Message:
        """Let a legacy writer insert or change a message; only the log knows."""
        self.record("messages", operation, row.id, room=row.conversation_id)
        return self.legacy_insert(row)

    def delete(self, row: Message) -> None:
        """Let somebody delete a message."""
        del self.tables.messages_by_id[row.id]
        self.record("messages", DELETE, row.id, room=row.conversation_id)

    def enter(self, person: Person, room: ConversationId = ROOM) -> None:
        """Let somebody become a member."""
        row = self.tables.add_participant(room, person.user_id)
        self.record("conversation_participants", INSERT, row.id, room=room, user=person.user_id)

    def leave(self, person: Person, room: ConversationId = ROOM, *, deleted: bool = False) -> None:
        """Let somebody's row say that it left, or be gone."""
        row = participant(person, room, left=True)
        if deleted:
            del self.tables.rows[row.id]
        else:
            self.tables.rows[row.id] = row
        self.record("conversation_participants", DELETE if deleted else UPDATE, row.id, room=room, user=person.user_id)


def told(receiver: Listener) -> list[tuple[str, Any]]:
    """Return what was pushed, in short."""
    return [(name, _subject(payload)) for name, payload in receiver.told]


def _subject(payload: dict[str, Any]) -> Any:
    if "message" in payload:
        return payload["message"]["encrypted_content"]
    return payload.get("messageId") or payload.get("userId") or (payload.get("user") or {}).get("id")
