"""A relay that is live, with clients that want to hear of lists and members."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from bridge.capabilities import Capability
from bridge.feed.changes import ConversationWritten, ParticipantChanged, ParticipantDeleted
from bridge.models import Conversation, ConversationId, Participant
from bridge.store.memory.tables import conversation_of
from tests.listened import Listened
from tests.people import ROOM, A, B, Person, X, conversation_id, participant
from tests.receivers import Listener

BOTH = (Capability.CONVERSATIONS, Capability.MEMBERS)
ADDED, CHANGED, REMOVED = "conversation_added", "conversation_changed", "conversation_removed"
CAME, WENT = "member_added", "member_removed"
NEW = conversation_id(7)


class Setting(Listened):
    """A relay that is live; new clients of A, B and X, an old one of A."""

    def __init__(self) -> None:
        super().__init__()
        self.old = self.listening(A)
        self.a, self.b, self.x = (self.listening(person, *BOTH) for person in (A, B, X))

    async def enters(self, person: Person, place: ConversationId = ROOM, *, role: str = "member") -> Participant:
        """Let a row make somebody a member."""
        row = replace(self.tables.add_participant(place, person.user_id, role=role), role=role)
        await self.relay.handle(ParticipantChanged(row))
        return row

    async def leaves(self, person: Person, place: ConversationId = ROOM) -> None:
        """Let somebody's row say that it left."""
        row = participant(person, place, left=True)
        self.tables.rows[row.id] = row
        await self.relay.handle(ParticipantChanged(row))

    async def removed(self, person: Person, place: ConversationId = ROOM) -> None:
        """Let somebody's row be deleted."""
        row = self.tables.rows.pop(participant(person, place).id)
        await self.relay.handle(ParticipantDeleted(row.id))

    async def written(self, row: Conversation, *, is_new: bool = False, is_whole: bool = True) -> None:
        """Let a conversation be written."""
        self.tables.add_conversation(row)
        change = ConversationWritten(id=row.id, is_new=is_new, conversation=row if is_whole else None)
        await self.relay.handle(change)

    async def made(self, *people: Person, kind: str = "group") -> None:
        """Let somebody make a conversation in one transaction; the feed tells row by row."""
        row = self.tables.add_conversation(conversation_of(NEW, kind, name="Trip"))
        rows = [self.tables.add_participant(NEW, person.user_id) for person in people]
        await self.relay.handle(ConversationWritten(id=NEW, is_new=True, conversation=row))
        for one in rows:
            await self.relay.handle(ParticipantChanged(one))

    async def load(self, person: Person) -> None:
        """Let somebody load the list, as the action does."""
        for summary in await self.store.conversations.summaries(person.identity, self.clock.now()):
            self.context.lists.listed(person.identity, summary)


def kinds(receiver: Listener) -> list[str]:
    """Return the types of the pushes so far."""
    return [name for name, _ in receiver.told]


def shown(payload: Mapping[str, Any]) -> tuple[str, str | None, int]:
    """Return what a line shows in short."""
    line = payload["conversation"]
    return line["id"], line["name"], line["participant_count"]
