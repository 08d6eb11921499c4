"""Members as a test sees them: asked for, and changed behind their back."""

from __future__ import annotations

from bridge.members import Members
from bridge.models import UserId
from tests.parts import Parts
from tests.people import ROOM, A, B, C, D, Person, X, participant

MAX_AGE = 60.0
QUESTION = "conversations.participants"


class Setting(Parts):
    """Members that hear of changes."""

    def __init__(self, *, hearing: bool = True, capacity: int = 100) -> None:
        super().__init__()
        self.members = Members(self.store.conversations, self.clock, MAX_AGE, capacity=capacity)
        self.members.hear(hearing=hearing)

    async def of_room(self) -> set[str]:
        """Return the names of the room's members."""
        return names(await self.members.of(ROOM))

    def leave(self, person: Person, *, heard: bool = True) -> None:
        """Let somebody leave the room in the tables, and perhaps say so."""
        row = participant(person, left=True)
        self.tables.rows[row.id] = row
        if heard:
            self.members.changed(row)

    def remove(self, person: Person) -> None:
        """Delete somebody's row and say so, as Realtime does: by primary key."""
        row = self.tables.rows.pop(participant(person).id)
        self.members.deleted(row.id)

    @property
    def questions(self) -> int:
        """Return how often the tables were asked."""
        return self.store.asked(QUESTION)


def names(ids: frozenset[UserId] | None) -> set[str]:
    """Return whose ids these are."""
    assert ids is not None
    return {person.name for person in (A, B, C, D, X) if person.user_id in ids}
